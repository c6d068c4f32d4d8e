"""What lies in a ``.keras`` or ``.h5`` file: exactly what Keras writes, and nothing outside of it."""

import json
import zipfile
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final

from mlprod._extras import require
from mlprod.errors import FormatError

__all__ = ["SUFFIXES", "inspect_file", "package", "suffix_of", "wrong"]

_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
SUFFIXES: Final = {_ZIP: ".keras", _HDF5: ".h5"}

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = frozenset({_CONFIG, _WEIGHTS, "metadata.json"})
_MOST_MEMBERS = 10_000
_LARGEST_CONFIG = 64 << 20


def package(module: str) -> Any:  # noqa: ANN401 - a module
    return require(module, extra="keras", purpose="the format 'tensorflow'")


def suffix_of(start: bytes) -> str:
    for magic, suffix in SUFFIXES.items():
        if start.startswith(magic):
            return suffix
    raise wrong(f"it starts with {start!r}, neither like a .keras nor like an .h5 file")


def inspect_file(file: BinaryIO, suffix: str, size: int) -> dict[str, Any]:
    """Return the config of a file that holds what Keras writes, all of it inside, and nothing else."""
    read_config = _zip_config if suffix == ".keras" else _hdf5_config
    try:
        config = json.loads(read_config(file, size))
    except FormatError:
        raise
    except Exception as error:
        raise wrong(f"it is damaged or cut off ({error!r:.300})") from error
    if not isinstance(config, dict):
        raise wrong("its config is not a JSON object")
    return config


def _zip_config(file: BinaryIO, size: int) -> bytes:
    with zipfile.ZipFile(file) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if len(members) < len(archive.infolist()) or len(members) > _MOST_MEMBERS:
            raise wrong(f"it has more than {_MOST_MEMBERS:,} members, or two of one name")
        for name in members:
            if name not in _MEMBERS and not _is_asset(name):
                raise wrong(f"it has a member {name[:80]!r}, which Keras does not write")
        if sum(member.file_size for member in members.values()) > size:
            raise wrong("its members are compressed, which Keras does not do; save it with Keras again")
        if members[_CONFIG].file_size > _LARGEST_CONFIG:
            raise wrong(f"its config is larger than {_LARGEST_CONFIG:,} bytes")
        with archive.open(_WEIGHTS) as weights, package("h5py").File(weights, "r") as hdf5:
            _check_self_contained(hdf5, size)
        return archive.read(_CONFIG)


def _is_asset(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return parts[:1] == ("assets",) and ".." not in parts and "\\" not in name


def _hdf5_config(file: BinaryIO, size: int) -> str:
    with package("h5py").File(file, "r") as hdf5:
        _check_self_contained(hdf5, size)
        config = hdf5.attrs.get("model_config")
        if not isinstance(config, str | bytes):
            raise wrong("it has no model_config: weights alone are no model")
        return config if isinstance(config, str) else config.decode()


def _check_self_contained(hdf5: Any, size: int) -> None:  # noqa: ANN401 - an h5py.File
    """Refuse links, datasets that lie in other files, and sizes that the file cannot have.

    Virtual datasets are found by their layout: asking for their shape would open the other file.
    """
    h5py = package("h5py")
    allowed_layouts = {h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT}

    def foreign_link(_: str, link: object) -> bool | None:
        return None if isinstance(link, h5py.HardLink) else True

    def foreign_dataset(_: str, item: Any) -> bool | None:  # noqa: ANN401 - a group, dataset or type
        if not isinstance(item, h5py.Dataset):
            return None
        storage = item.id.get_create_plist()
        is_inside = storage.get_layout() in allowed_layouts and not storage.get_external_count()
        is_plain = is_inside and not item.dtype.hasobject
        return None if is_plain and item.nbytes <= min(size, item.id.get_storage_size()) else True

    if hdf5.visititems_links(foreign_link):
        raise wrong("it has a link, possibly to another file; Keras writes none")
    if hdf5.visititems(foreign_dataset):
        raise wrong("it has weights in another file, or compressed, or of an impossible size")


def wrong(why: str) -> FormatError:
    return FormatError(f"the payload is not a Keras model that can be loaded: {why}")
