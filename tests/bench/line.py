"""The line to the campaign, without a campaign."""


class Line:
    def __init__(self):
        self.said = []

    def say(self, **words):
        self.said.append(words)

    def listen(self, heard):
        self.hear = heard
