"""Connected components, as every other module of the solids needs them."""

from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

Indices = NDArray[np.int64]


class _ConnectedComponents(Protocol):
    def __call__(self, graph: object, *, directed: bool) -> tuple[int, NDArray[np.int32]]: ...


_components = cast("_ConnectedComponents", csgraph.connected_components)


def connect(count: int, first: Indices, second: Indices) -> tuple[Indices, int]:
    """Number the groups of `count` things when `first[i]` and `second[i]` belong together: labels (count,), groups."""
    graph = sparse.coo_matrix((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    groups, labels = _components(graph.tocsr(), directed=False)
    return labels.astype(np.int64), groups
