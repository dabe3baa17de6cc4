"""Hostile zip archives and 3MF packages."""

import io
import zipfile

from tests.quoting.hostile.files import HostileFile
from tests.quoting.hostile.models import (
    BEAMS,
    CORE,
    assembly,
    box_object,
    component,
    item,
    mesh,
    model,
    relationships,
)
from tests.quoting.hostile.zips import Entry, entry, repeated, three_mf, zip_of

GOOD = model(box_object(1, 10, 10, 10), item(1))
ZEROS, NOISE = bytes(1 << 20), bytes(range(256)) * 16
MIRROR_TO_NOTHING = "1 0 0 0 1 0 0 0 0 0 0 0"


def of_model(resources: str, build: str, **said: str) -> bytes:
    return three_mf(model(resources, build, **said))


def nested_tens(levels: int) -> str:
    """Objects of ten components each, `levels` deep: 10^levels boxes."""
    return box_object(1, 1, 1, 1) + "".join(
        assembly(level, [component(level - 1)] * 10) for level in range(2, levels + 2)
    )


def chain(length: int) -> str:
    return box_object(1, 1, 1, 1) + "".join(assembly(n, [component(n - 1)]) for n in range(2, length + 1))


def bomb(name: str, block: bytes, times: int, announced: int | None = None) -> Entry:
    size = len(block) * times if announced is None else announced
    return Entry(name, repeated(block, times), size)


def billion_laughs() -> bytes:
    entities = '<!ENTITY a "ha">' + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    return three_mf(GOOD.replace("<model", f"<!DOCTYPE model [{entities}]><model").replace("<build>", "<build>&j;"))


def overlapping() -> bytes:
    """A thousand names for the same packed bytes."""
    first = bomb("3D/3dmodel.model", NOISE, 200)
    others = [Entry(f"copy{n}", first.packed, first.size, offset=0) for n in range(1000)]
    return zip_of([first, *others])


def split_in_two() -> bytes:
    """A cycle that leaves its part of the archive and comes back."""
    other = model(assembly(2, [component(1, path="/3D/3dmodel.model")]), "")
    return three_mf(
        model(assembly(1, [component(2, path="/3D/other.model")]), item(1)), entry("3D/other.model", other.encode())
    )


def nested_zip() -> bytes:
    return zip_of([entry("part.3mf", three_mf(GOOD))])


def stored_by(method: int) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        archive.writestr("3D/3dmodel.model", GOOD)
    return written.getvalue()


def with_entry(name: str) -> bytes:
    return three_mf(GOOD, entry(name, b"root:x:0:0"))


def flipped_bit() -> bytes:
    content = bytearray(three_mf(GOOD))
    content[120] ^= 0x10
    return bytes(content)


def relationship(kind: str) -> bytes:
    return three_mf(GOOD, entry("_rels/.rels", relationships("/3D/3dmodel.model", kind).encode()))


SECRET = "http://schemas.microsoft.com/3dmanufacturing/2019/04/keystore"
LATTICE = mesh(9, 9, 9, more=f'<b:beamlattice xmlns:b="{BEAMS}"><b:beams/></b:beamlattice>')
XXE = '<!DOCTYPE model [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
EXTERNAL_DTD = '<!DOCTYPE model SYSTEM "http://127.0.0.1:1/evil.dtd">'

ARCHIVES = (
    HostileFile("zip: truncated", lambda: three_mf(GOOD)[:-60], "refused"),
    HostileFile("zip: no directory", lambda: three_mf(GOOD).partition(b"PK\x01\x02")[0], "refused"),
    HostileFile("zip: a flipped bit", flipped_bit, "refused"),
    HostileFile(
        "zip: wrong checksum", lambda: zip_of([entry("3D/3dmodel.model", GOOD.encode(), checksum=7)]), "refused"
    ),
    HostileFile("zip: encrypted", lambda: zip_of([entry("3D/3dmodel.model", GOOD.encode(), flags=1)]), "refused"),
    HostileFile("zip: packed by LZMA", lambda: stored_by(zipfile.ZIP_LZMA), "refused"),
    HostileFile("zip: bomb of 1 GB by ratio", lambda: zip_of([bomb("3D/3dmodel.model", ZEROS, 1000)]), "refused"),
    HostileFile(
        "zip: bomb of 4 GB by a lying directory",
        lambda: zip_of([bomb("3D/3dmodel.model", ZEROS, 4000, announced=5000)]),
        "refused",
    ),
    HostileFile(
        "zip: bomb by the sum of many",
        lambda: three_mf(GOOD, *(bomb(f"{n}.png", NOISE, 2000) for n in range(40))),
        "refused",
    ),
    HostileFile("zip: bomb of overlapping files", overlapping, "refused"),
    HostileFile("zip: 5,000 files", lambda: three_mf(GOOD, *(entry(f"{n}", b"") for n in range(5000))), "refused"),
    HostileFile("zip: the model twice", lambda: three_mf(GOOD, entry("3D/3dmodel.model", b"<model/>")), "refused"),
    HostileFile("zip: climbs out", lambda: with_entry("../../etc/passwd"), "refused"),
    HostileFile("zip: absolute name", lambda: with_entry("/etc/passwd"), "refused"),
    HostileFile("zip: backslashes", lambda: with_entry("..\\..\\boot.ini"), "refused"),
    HostileFile("zip: a drive", lambda: with_entry("C:/boot.ini"), "refused"),
    HostileFile("zip: only another zip", nested_zip, "refused"),
    HostileFile("zip: a text document", lambda: zip_of([entry("[Content_Types].xml", b"<Types/>")]), "refused"),
    HostileFile("zip: empty", lambda: zip_of([]), "refused"),
)

XML = (
    HostileFile("3MF: billion laughs", billion_laughs, "refused"),
    HostileFile("3MF: XXE", lambda: of_model(box_object(1, 9, 9, 9), item(1), before=XXE), "refused"),
    HostileFile("3MF: external DTD", lambda: of_model(box_object(1, 9, 9, 9), item(1), before=EXTERNAL_DTD), "refused"),
    HostileFile("3MF: 20,000 elements deep", lambda: of_model("<m>" * 20_000 + "</m>" * 20_000, item(1)), "refused"),
    HostileFile("3MF: XML cut short", lambda: three_mf(GOOD[:-100]), "refused"),
    HostileFile("3MF: no XML", lambda: three_mf(b"\0\1\2" * 100), "refused"),
    HostileFile("3MF: unknown encoding", lambda: three_mf(GOOD.replace("UTF-8", "EBCDIC-X")), "refused"),
)

MODELS = (
    HostileFile("3MF: 10^8 components", lambda: of_model(nested_tens(8), item(9)), "refused"),
    HostileFile("3MF: contains itself", lambda: of_model(assembly(1, [component(1)]), item(1)), "refused"),
    HostileFile(
        "3MF: two contain each other",
        lambda: of_model(assembly(1, [component(2)]) + assembly(2, [component(1)]), item(1)),
        "refused",
    ),
    HostileFile("3MF: a cycle over two parts", split_in_two, "refused"),
    HostileFile("3MF: 5,000 components deep", lambda: of_model(chain(5000), item(5000)), "refused"),
    HostileFile("3MF: builds what is missing", lambda: of_model(box_object(1, 9, 9, 9), item(7)), "refused"),
    HostileFile(
        "3MF: continues in a missing part",
        lambda: of_model(assembly(1, [component(2, path="/../../etc/passwd")]), item(1)),
        "refused",
    ),
    HostileFile("3MF: builds nothing", lambda: of_model(box_object(1, 9, 9, 9), ""), "refused"),
    HostileFile("3MF: only support", lambda: of_model(box_object(1, 9, 9, 9, kind="support"), item(1)), "refused"),
    HostileFile(
        "3MF: support beside the part",
        lambda: of_model(box_object(1, 9, 9, 9) + box_object(2, 9, 9, 9, kind="solidsupport"), item(1) + item(2)),
        "finding",
    ),
    HostileFile(
        "3MF: one item not printable",
        lambda: of_model(box_object(1, 9, 9, 9), item(1) + item(1, "1 0 0 0 1 0 0 0 1 50 0 0", printable="0")),
        "finding",
    ),
    HostileFile("3MF: unknown unit", lambda: of_model(box_object(1, 9, 9, 9), item(1), unit="parsec"), "refused"),
    HostileFile(
        "3MF: NaN", lambda: of_model(f'<object id="1">{mesh(9, 9, 9, first_x="NaN")}</object>', item(1)), "refused"
    ),
    HostileFile(
        "3MF: 1e30", lambda: of_model(f'<object id="1">{mesh(9, 9, 9, first_x="1e30")}</object>', item(1)), "refused"
    ),
    HostileFile(
        "3MF: index too high",
        lambda: of_model(f'<object id="1">{mesh(9, 9, 9, last_corner="8")}</object>', item(1)),
        "refused",
    ),
    HostileFile(
        "3MF: index negative",
        lambda: of_model(f'<object id="1">{mesh(9, 9, 9, last_corner="-1")}</object>', item(1)),
        "refused",
    ),
    HostileFile("3MF: vertex lacks z", lambda: three_mf(GOOD.replace(' z="0.0"', "").replace(' z="0"', "")), "refused"),
    HostileFile("3MF: flattened", lambda: of_model(box_object(1, 9, 9, 9), item(1, MIRROR_TO_NOTHING)), "refused"),
    HostileFile("3MF: transform of 11", lambda: of_model(box_object(1, 9, 9, 9), item(1, "1 " * 11)), "refused"),
    HostileFile("3MF: transform of NaN", lambda: of_model(box_object(1, 9, 9, 9), item(1, "nan " * 12)), "refused"),
    HostileFile(
        "3MF: requires an unknown extension",
        lambda: of_model(box_object(1, 9, 9, 9), item(1), attributes='xmlns:z="urn:of-nobody" requiredextensions="z"'),
        "refused",
    ),
    HostileFile("3MF: beams", lambda: of_model(f'<object id="1">{LATTICE}</object>', item(1)), "refused"),
    HostileFile("3MF: encrypted content", lambda: relationship(SECRET), "refused"),
    HostileFile(
        "3MF: sliced",
        lambda: three_mf(f'<model xmlns="{CORE}"/>', entry("Metadata/plate_1.gcode", b"G28\nG1 X1\n" * 100)),
        "refused",
    ),
)

HOSTILE_PACKAGES: tuple[HostileFile, ...] = (*ARCHIVES, *XML, *MODELS)
