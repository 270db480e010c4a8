"""XMP packets: ours come back, others' forms are understood, hostile ones are refused."""

import time
import tracemalloc

import pytest

from mutoscope.errors import MediaError
from mutoscope.provenance import recipe_text
from mutoscope.provenance.labels import labels_of
from mutoscope.provenance.xmp import MAX_PACKET, SPACE, xmp_fields, xmp_packet, xmp_recipe

RECIPE = {"program": "mutoscope", "version": "1", "settings": {"scenes": "a <b> & 狐"}}
TEXT = recipe_text(RECIPE)
OPEN = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF '
    'xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    f'xmlns:q="{SPACE}" xmlns:dc="http://purl.org/dc/elements/1.1/">'
)
CLOSE = "</r:RDF></x:xmpmeta>"


def test_a_packet_of_ours_comes_back():
    packet = xmp_packet(labels_of(RECIPE), TEXT)
    assert xmp_recipe(packet, "a.png") == TEXT
    assert xmp_fields(packet, "a.png") == {
        "title": "a <b> & 狐", "description": "a <b> & 狐", "CreatorTool": "Mutoscope 1",
        "recipe": TEXT,
    }  # fmt: skip


def test_a_property_may_be_an_attribute_and_its_prefix_another():
    """As tools that tidy packets up write them."""
    quoted = TEXT.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    packet = f'{OPEN}<r:Description q:recipe="{quoted}"/>{CLOSE}'.encode()
    assert xmp_recipe(packet, "a.png") == TEXT


def test_of_several_languages_the_first_counts():
    items = '<r:li xml:lang="x-default">fox</r:li><r:li xml:lang="de">Fuchs</r:li>'
    packet = f"{OPEN}<r:Description><dc:title><r:Alt>{items}</r:Alt></dc:title></r:Description>"
    assert xmp_fields(f"{packet}{CLOSE}".encode(), "a.png") == {"title": "fox"}


def test_a_packet_of_others_is_not_even_parsed_for_a_recipe():
    assert xmp_recipe(b"<not xml", "a.png") is None
    assert xmp_recipe(None, "a.png") is None


LAUGHS = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha" * 10}">' for n in range(10)
)  # 10^10 times "haha"


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (f"<!DOCTYPE x [{LAUGHS}]>{OPEN}&l9;{CLOSE}", "document type"),
        (f'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>{OPEN}&f;{CLOSE}', "document"),
        (f'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">{OPEN}{CLOSE}', "document type"),
        (f"{OPEN}{'<a>' * 100_000}", "nested"),
        (f"{OPEN}&unknown;{CLOSE}", "damaged"),
        (f"{OPEN}\0{CLOSE}", "damaged"),
        (f"{OPEN}\ud800{CLOSE}", "damaged"),
        (OPEN, "damaged"),
        (f"{OPEN}{' ' * MAX_PACKET}{CLOSE}", "larger than"),
    ],
    ids=range(9),
)
def test_hostile_packets_are_refused_at_once(packet, why):
    data = packet.encode(errors="surrogatepass")
    tracemalloc.start()
    begun = time.process_time()
    with pytest.raises(MediaError, match=why) as caught:
        xmp_recipe(data, "a.png")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.process_time() - begun < 2
    assert peak < 20_000_000
    assert str(caught.value).startswith("a.png: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["nonsense", "base64", "utf-16", "latin-1"])
def test_what_encoding_a_packet_declares_is_neither_believed_nor_looked_up(encoding):
    item = "<dc:title>狐</dc:title>"
    packet = f'<?xml version="1.0" encoding="{encoding}"?>{OPEN}{item}{CLOSE}'.encode()
    assert xmp_fields(packet, "a.png") == {"title": "狐"}
