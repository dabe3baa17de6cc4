"""Every cap a file must stay under, in one place; readers check them before and while they work.

They bound the work of one child process (2 GB, 20 s of CPU): a file above them is refused with the number and the
remedy, never read in part.
"""

from fulfil.quoting.formats import FileFormat

MEGABYTE = 1_000_000

# Sizes -----------------------------------------------------------------------------------------------------------

# What each reader gets through within the time of one child: a binary STL streams, texts cost a parser.
MOST_BYTES = {
    FileFormat.STL: 261 * MEGABYTE,  # of `MOST_TRIANGLES`, binary
    FileFormat.OBJ: 100 * MEGABYTE,
    FileFormat.THREE_MF: 100 * MEGABYTE,
    FileFormat.STEP: 50 * MEGABYTE,  # 45 MB of points took OpenCascade 4.6 s and 0.5 GB
    FileFormat.SVG: 20 * MEGABYTE,
    FileFormat.DXF: 20 * MEGABYTE,
}
# Anything else is at most kept as an attachment, and read no further than its first bytes.
MOST_BYTES_OTHERWISE = 50 * MEGABYTE

# Solids ----------------------------------------------------------------------------------------------------------

# Five million and a few; 187 MB as float32 corners, so that measuring copies stays far below 2 GB.
MOST_TRIANGLES = 5_200_000
# Above this size overlap of bodies (a boolean union) takes longer than an instant quote may.
MOST_TRIANGLES_FOR_OVERLAP = 200_000
# One polygon of an OBJ with more corners is no face of a part, and ear clipping grows with the square.
MOST_POLYGON_CORNERS = 10_000

# Numbers ---------------------------------------------------------------------------------------------------------

# 100 m: fifty times the largest machine. float32 still resolves 0.008 mm there, and squares stay far from overflow.
LARGEST_COORDINATE_MM = 1e5
# The same for numbers whose unit isn't decided yet: 100 m told in microns.
LARGEST_COORDINATE_IN_FILE_UNITS = 1e8
# Below this a part is dust on any machine, above that no machine holds it: usually the unit is wrong.
SMALLEST_SIDE_MM = 0.5
LARGEST_SIDE_MM = 2000.0

# Zip archives ----------------------------------------------------------------------------------------------------

# A 3MF of 5 million triangles inflates to about this; bombs to gigabytes.
MOST_INFLATED_BYTES = 200 * MEGABYTE
# Deflated XML of a mesh reaches 4 to 30; zeros reach 1032.
LARGEST_INFLATE_RATIO = 100
# Entries below this size are exempt from the ratio: a short text of blanks is no bomb.
RATIO_EXEMPT_BYTES = 100_000
# Real 3MF projects hold tens; each entry costs a look-up.
MOST_ZIP_ENTRIES = 2000
# The specification (APPNOTE) allows 64 KB; no part has such a name.
LONGEST_ZIP_NAME = 512

# XML -------------------------------------------------------------------------------------------------------------

# Drawings nest groups to about 30; 20,000 nested groups break recursive readers.
DEEPEST_XML = 256
# A drawing of this many elements takes 10 s in the slowest step; meshes are counted by triangles instead.
MOST_XML_ELEMENTS = 200_000

# Expansion: small files that stand for huge ones -------------------------------------------------------------------

# References resolved (`use` of SVG), counted over the whole drawing: ten levels of ten would be 10^10.
MOST_USE_EXPANSIONS = 50_000
# Component references resolved in a 3MF; triangles after expansion have their own cap.
MOST_COMPONENT_EXPANSIONS = 50_000
# Components in components in components: assemblies nest to about 10.
DEEPEST_COMPONENTS = 64

# Drawings --------------------------------------------------------------------------------------------------------

# Segments after expansion, lines and curves: what the planner drives within the time.
MOST_SEGMENTS = 200_000
# Entities of a DXF after blocks are exploded (a MINSERT of 30,000 x 30,000 is 9e8).
MOST_DXF_ENTITIES = 200_000
# Blocks in blocks: CAD assemblies nest to about 10, cycles are endless.
DEEPEST_DXF_BLOCKS = 64
# 2.2 MB of CSS kept a reader busy for 8 s: selectors times elements.
MOST_CSS_BYTES = 500_000
# Raster images inside a drawing, in bytes and pixels: an engraver's sheet at 1000 dpi stays below.
MOST_IMAGE_BYTES = 10 * MEGABYTE
MOST_IMAGE_PIXELS = 100_000_000

# One child process -------------------------------------------------------------------------------------------------

CHILD_MEMORY_BYTES = 2_000 * MEGABYTE  # STEP ran in 0.7 GB, a million triangles of OBJ in 1 GB
CHILD_CPU_S = 20
CHILD_WALL_S = 30.0


def most_bytes(found: FileFormat) -> int:
    """How large a file of a format may be, in bytes."""
    return MOST_BYTES.get(found, MOST_BYTES_OTHERWISE)
