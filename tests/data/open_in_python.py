"""Opens a panel file and a checkpoint with the real xarray and h5py, as a user would: named dimensions, labels, units, values.

Usage: open_in_python.py WRITER, the program that writes the sample files into a folder.
"""

import hashlib
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import xarray as xr


def check_panel(path):
    with xr.open_dataset(path, engine="h5netcdf") as panel:
        assert dict(panel.sizes) == {"region": 100, "week": 20, "channel": 3, "control": 2}, panel.sizes
        assert panel["media"].dims == ("region", "week", "channel"), panel["media"].dims
        assert panel["controls"].dims == ("region", "week", "control")
        assert panel["observed"].dims == ("region", "week") and panel["observed"].dtype == np.uint8
        assert panel["population"].dims == ("region",)
        assert list(panel["channel"].values) == ["Kanal ü0", "Kanal ü1", "Kanal ü2"], panel["channel"].values
        assert list(panel["channel_column"].values) == ["media_0", "media_1", "media_2"]
        assert list(panel["week"].values) == [str(week) for week in range(20)]
        assert panel["target"].attrs["units"] == "KPI units", panel["target"].attrs
        assert panel["media"].attrs["units"] == "media units"
        assert panel["spend"].attrs["units"] == "currency"
        assert panel["population"].sel(region="Region 7").item() == 7000.0
        seen = panel["observed"].values == 1
        assert 0 < (~seen).sum() < seen.size
        assert (panel["target"].values[~seen] == 0).all() and (panel["target"].values[seen] > 0).all()
        assert (panel["observed_cells"].values == seen.sum(axis=1)).all()
        by_name = panel["media"].sel(region="Region 63", week="5", channel="Kanal ü2").item()
        with h5py.File(path) as file:
            assert by_name == file["media"][63, 5, 2] > 0
        assert panel.attrs["file_kind"] == "dcmmm panel" and panel.attrs["format_version"] == 2, panel.attrs
        assert len(panel.attrs["checksum"]) == 64
    with h5py.File(path) as file:
        assert [dimension.keys() for dimension in file["media"].dims] == [["region"], ["week"], ["channel"]]
        for name, array in file.items():
            assert array.fletcher32, name
        # The seal, by its description in docs/file-formats.md.
        whole = path.read_bytes()
        magic, digest, rest = whole[:13], whole[13:77].decode(), whole[78:4096]
        assert file.userblock_size == 4096 and magic == b"dcmmm seal 1 " and whole[77:78] == b"\n"
        assert hashlib.sha256(rest).hexdigest() == digest
        seal = json.loads(rest[: rest.index(b"\n")])
        assert seal["bytes"] == len(whole)
        metadata, at = b"", 4096
        for begin, end in seal["numbers"]:
            metadata, at = metadata + whole[at:begin], end
        metadata += whole[at:]
        assert hashlib.sha256(metadata).hexdigest() == seal["metadata_sha256"]
        chunk = file["media"].id.get_chunk_info(0)
        offset = chunk.byte_offset + (0 if h5py.version.hdf5_version_tuple >= (1, 13, 3) else 4096)
        assert any(begin <= offset and offset + chunk.size <= end for begin, end in seal["numbers"]), (chunk, seal)
        assert file["region"].asstr()[7] == "Region 7"


def check_bare_panel(path):
    with xr.open_dataset(path, engine="h5netcdf") as panel:
        assert dict(panel.sizes) == {"region": 2, "week": 3, "channel": 1, "control": 0}, panel.sizes
        assert list(panel["region"].values) == ["a", "b"]
        assert panel["controls"].shape == (2, 3, 0)
        assert "spend" not in panel


def check_checkpoint(path):
    with xr.open_dataset(path, engine="h5netcdf") as checkpoint:
        assert checkpoint["state"].dims == ("member", "region", "channel")
        assert checkpoint["state"].shape == (3, 11, 2)
        assert "member" not in checkpoint.coords  # a dimension without labels
        assert list(checkpoint["channel"].values) == ["Fernsehen", "Ströer"]
        assert checkpoint["level"].dtype == np.float32
        assert checkpoint["level"].sel(region="Region 3").item() == np.float32(3) + np.float32(0.1)
        assert checkpoint["updates"].item() == -(2**63)
        assert checkpoint["config"].item().startswith("run:\n  seed: 1\n") and len(checkpoint["config"].item()) > 2**16
        assert checkpoint["note.random"].item() == "seed 1, counter 7"
        assert checkpoint.attrs["step"] == 80 and checkpoint.attrs["panel_checksum"] == "c" * 64
    with h5py.File(path) as file:
        bits = struct.unpack("<Q", file["state"][2, 10, 1].tobytes())[0]
        assert bits == 0x7FF8000000000000 + 2 * 10000 + 10 * 10 + 1, hex(bits)


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        check_panel(Path(folder) / "panel.h5")
        check_bare_panel(Path(folder) / "bare.h5")
        check_checkpoint(Path(folder) / "checkpoint.h5")
    print("xarray", xr.__version__, "and h5py", h5py.__version__, "read all files")


if __name__ == "__main__":
    main()
