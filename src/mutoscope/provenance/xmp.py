"""An XMP packet: the title, the prompt, the program, and the recipe, as RDF in XML.

Viewers, catalogues and web sites read these (ISO 16684-1). A packet from outside is hostile until
parsed: its size and depth are bounded, and one that declares a document type, without which there
are no entities, is refused at that word.
"""

import re
from xml.parsers import expat
from xml.sax.saxutils import escape

from mutoscope.errors import MediaError
from mutoscope.provenance.labels import Labels

KEYWORD = "XML:com.adobe.xmp"  # of the text chunk of a PNG
SIGNATURE = b"http://ns.adobe.com/xap/1.0/\0"  # of the segment of a JPEG
MAX_PACKET = 1_048_576
"""The largest packet that is read, in bytes."""

SPACE = "https://github.com/mutoscope/mutoscope/ns/1.0/"
"""The namespace of the recipe."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_RECIPE = f"{SPACE} recipe"
_FIELDS = {
    f"{_DC} title": "title",
    f"{_DC} description": "description",
    f"{_XMP} CreatorTool": "CreatorTool",
    _RECIPE: "recipe",
}
_DEEPEST = 64
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xmp_packet(labels: Labels, recipe: str | None) -> bytes:
    """A packet in UTF-8 with what these labels say, and a recipe's text."""
    said = [
        _in_words("dc:title", labels.title),
        _in_words("dc:description", labels.description),
        _plain("xmp:CreatorTool", labels.software),
        _plain("mutoscope:recipe", recipe or ""),
    ]
    text = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        f'<rdf:RDF xmlns:rdf="{_RDF}">\n'
        f'<rdf:Description rdf:about="" xmlns:dc="{_DC}" xmlns:xmp="{_XMP}"'
        f' xmlns:mutoscope="{SPACE}">\n'
        f"{''.join(said)}"
        "</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n"
        '<?xpacket end="r"?>'
    )
    return text.encode()


def _in_words(name: str, text: str) -> str:
    """A property that could be given in several languages."""
    if not text:
        return ""
    item = f'<rdf:li xml:lang="x-default">{_escaped(text)}</rdf:li>'
    return f"<{name}><rdf:Alt>{item}</rdf:Alt></{name}>\n"


def _plain(name: str, text: str) -> str:
    return f"<{name}>{_escaped(text)}</{name}>\n" if text else ""


def _escaped(text: str) -> str:
    """Text as XML has it; what XML can't hold at all is replaced."""
    return escape(_FORBIDDEN.sub("\ufffd", text))


def xmp_recipe(packet: bytes | None, place: str) -> str | None:
    """The text of the recipe in a packet, if it has our namespace at all.

    Raises:
        MediaError: As in `xmp_fields`.
    """
    if packet is None or SPACE.encode("ascii") not in packet:
        return None
    return xmp_fields(packet, place).get("recipe")


def xmp_fields(packet: bytes, place: str) -> dict[str, str]:
    """Title, description, CreatorTool and recipe of a packet, as far as it has them.

    Raises:
        MediaError: It is too large or deep, declares a document type, or is no XML.
    """
    if len(packet) > MAX_PACKET:
        raise MediaError(f"{place}: its XMP is larger than {MAX_PACKET} bytes and is not read")
    reader = _Reader(place)
    # In these files it is UTF-8, whatever it declares; a name of its own would be looked up.
    parser = expat.ParserCreate("UTF-8", " ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(packet, True)
    except expat.ExpatError as error:
        raise MediaError(f"{place}: its XMP is damaged ({error})") from error
    return {name: text for name, text in reader.fields.items() if text.strip()}


class _Reader:
    """Collects the wanted properties, whether written as elements or as attributes."""

    def __init__(self, place: str) -> None:
        self.fields: dict[str, str] = {}
        self._place = place
        self._open: list[str] = []
        self._pieces: list[str] | None = None

    def refuse(self, *_: object) -> None:
        raise MediaError(f"{self._place}: its XMP declares a document type and is not read")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append(name)
        if len(self._open) > _DEEPEST:
            raise MediaError(f"{self._place}: its XMP is nested too deeply and is not read")
        if name == f"{_RDF} Description":
            for key in _FIELDS.keys() & attributes.keys():
                self.fields.setdefault(_FIELDS[key], attributes[key])
        # In a property of several languages, the first item is the one for everybody.
        if name in _FIELDS or (name == f"{_RDF} li" and self._within() is not None):
            self._pieces = []

    def text(self, text: str) -> None:
        if self._pieces is not None:
            self._pieces.append(text)

    def end(self, name: str) -> None:
        field = self._within()
        self._open.pop()
        if self._pieces is None or field is None or name not in (*_FIELDS, f"{_RDF} li"):
            return
        self.fields.setdefault(field, "".join(self._pieces))
        self._pieces = None

    def _within(self) -> str | None:
        """The field whose element is open."""
        return next((_FIELDS[name] for name in reversed(self._open) if name in _FIELDS), None)
