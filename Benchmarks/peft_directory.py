"""Writes LoRA adapters as PEFT directories. Needs numpy."""

import json

import numpy as np


def write(directory, pairs, rank, alpha=16):
    """A and B of modules in float32.

    `directory` is a path that does not exist yet; `pairs` maps a module's path to
    (A `[rank, in]`, B `[out, rank]`).
    """
    header, data, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for module, (down, up) in sorted(pairs.items()):
        for name, matrix in [("lora_A", down), ("lora_B", up)]:
            matrix = np.ascontiguousarray(matrix, dtype=np.float32)
            header[f"base_model.model.{module}.{name}.weight"] = {
                "dtype": "F32", "shape": list(matrix.shape), "data_offsets": [offset, offset + matrix.nbytes]}
            data.append(matrix.tobytes())
            offset += matrix.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    directory.mkdir(parents=True)
    with open(directory / "adapter_model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(data))
    (directory / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "r": rank, "lora_alpha": alpha}))
