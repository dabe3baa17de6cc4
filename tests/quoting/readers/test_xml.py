"""XML of strangers is read without document types, entities, or an end out of sight."""

import pytest

from fulfil.quoting.readers.xml import XmlCaps, XmlReader, check_xml
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode

BARE = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"><svg/>'
LAUGHS = b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><a>&c;</a>'

REFUSED = {
    "document type": (BARE, RefusalCode.XML_FORBIDDEN),
    "entities": (LAUGHS, RefusalCode.XML_FORBIDDEN),
    "XXE": (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', RefusalCode.XML_FORBIDDEN),
    "undeclared entity": (b"<a>&x;</a>", RefusalCode.FILE_UNREADABLE),
    "nothing": (b"", RefusalCode.FILE_TRUNCATED),
    "cut short": (b"<a><b></b>", RefusalCode.FILE_TRUNCATED),
    "cut in a tag": (b"<a><b", RefusalCode.FILE_TRUNCATED),
    "wrong nesting": (b"<a><b></a></b>", RefusalCode.FILE_UNREADABLE),
    "two roots": (b"<a/><b/>", RefusalCode.FILE_UNREADABLE),
    "unknown encoding": (b'<?xml version="1.0" encoding="no-such"?><a/>', RefusalCode.FILE_UNREADABLE),
    "too deep": (b"<a>" * 20_000 + b"</a>" * 20_000, RefusalCode.FILE_TOO_COMPLEX),
    "too many": (b"<a>" + b"<b/>" * 200_000 + b"</a>", RefusalCode.FILE_TOO_COMPLEX),
}


@pytest.mark.parametrize(("content", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_broken_forbidden_and_endless_documents_are_refused(content: bytes, code: RefusalCode) -> None:
    with pytest.raises(QuotingRefusalError) as refusal:
        check_xml(content)
    assert refusal.value.code is code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_sound_document_passes_in_any_usual_encoding(encoding: str) -> None:
    check_xml(f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?><a b="ü"/>'.encode(encoding))


def test_a_bare_document_type_can_be_allowed_and_one_with_declarations_cannot() -> None:
    check_xml(BARE, doctype_without_subset=True)
    with pytest.raises(QuotingRefusalError):
        check_xml(LAUGHS, doctype_without_subset=True)


def test_the_line_is_named() -> None:
    with pytest.raises(QuotingRefusalError, match="line 3"):
        check_xml(b"<a>\n<b/>\n</c></a>")


def test_elements_in_a_list_go_to_its_callback_and_the_rest_to_the_others() -> None:
    seen: list[str] = []
    reader = XmlReader(
        lambda name, _: seen.append(name),
        lambda name: seen.append(f"/{name}"),
        lists={"list": lambda name, attributes: seen.append(f"{name}{attributes['n']}")},
        caps=XmlCaps(elements=3),
    )
    reader.feed(b"<a><list><i n='1'/><i n='2'/></list>")
    reader.feed(b"<b/></a>")
    reader.close()
    assert seen == ["a", "list", "i1", "i2", "/list", "b", "/b", "/a"]


def test_a_mistake_in_a_callback_is_not_taken_for_a_bad_encoding() -> None:
    def mistake(_name: str, _attributes: object) -> None:
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        XmlReader(mistake).feed(b"<a/>")
