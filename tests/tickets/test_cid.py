"""Content identifiers against vectors that other software made (npm's ipfs-unixfs-importer 17.1.1, rawLeaves false)."""

import pytest

from backend.tickets.ipfs.cid import TooLarge, directory_cid, directory_node, file_node

FILES = {
    "1.json": b'{"name":"Floor"}',
    "2.json": b'{"name":"Balcony"}',
    "collection.json": '{"name":"Nordlys – live"}'.encode(),
    "10.json": b"{}",
    "empty.json": b"",
}


def test_the_empty_directory_has_its_well_known_identifier():
    assert directory_cid({}) == "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1.json", "bafybeidf5hpdjtkya5am4ai7lglcv7hkkcwj6ifdl45t4hpscer7xvddau"),
        ("2.json", "bafybeihcmmsehakhgjbvwmtpalip265rfyoyjucvm2eg75nd3rf3bjjiya"),
        ("collection.json", "bafybeifu5kdzfhfbqhfx55opdaq3a3tpij3bh54itm5csomgf5bg4ulati"),
        ("10.json", "bafybeigatmm7mwx5bx3bbsiouaasbpgnd7a3rrxhzw7eia3w5yj6cvvfxq"),
        ("empty.json", "bafybeif7ztnhq65lumvvtr4ekcwd2ifwgm3awq4zfr3srh462rwyinlb4y"),
    ],
)
def test_a_file_of_one_block_has_the_identifier_other_software_gives_it(name, expected):
    assert file_node(FILES[name]).text == expected


def test_a_directory_of_files_has_the_identifier_and_size_other_software_gives_it():
    node = directory_node(FILES)
    assert node.text == "bafybeiagwmrf6x4cqcscybak4q2vvprtp5xl7twehhyty5mptara6krlaa"
    assert node.total_size == 369


def test_hello_world_as_a_directory():
    assert (
        directory_cid({"hello.txt": b"hello world\n"}) == "bafybeiayui4cujtwgvs5lqijy2h7hkqafekfashhsmifrmfxd7jnkgqwza"
    )


def test_the_order_in_which_files_are_given_does_not_matter():
    assert directory_cid(dict(reversed(FILES.items()))) == directory_cid(FILES)


def test_one_other_byte_is_another_identifier():
    assert directory_cid(FILES | {"10.json": b"[]"}) != directory_cid(FILES)


def test_a_file_that_would_be_cut_into_blocks_is_refused():
    with pytest.raises(TooLarge):
        directory_cid({"big.json": bytes(256 * 1024 + 1)})
