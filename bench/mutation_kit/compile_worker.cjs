// Loads the compiler once and answers one standard-JSON input a line with one standard-JSON output a line.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");

const modules = process.argv[2];
const solc = require(path.join(modules, "solc"));
const packages = new Map();

function readImport(name) {
  if (!packages.has(name)) {
    const file = path.resolve(modules, name);
    if (!file.startsWith(path.resolve(modules) + path.sep)) return { error: `${name} is outside ${modules}` };
    try {
      packages.set(name, fs.readFileSync(file, "utf8"));
    } catch (error) {
      return { error: String(error.message) };
    }
  }
  return { contents: packages.get(name) };
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(solc.compile(line, { import: readImport }) + "\n");
});
