"""Writes a synthetic base of 1.1 billion parameters and a rank-16 adapter for it.

The base has the shape of a 22-layer Llama with 2048 hidden features, in bf16 as a rule,
the adapter is PEFT's layout with all seven linears of each layer. Values are
seeded and normal; the update's size is about a tenth of the weight's, so that
its rounding is that of a real adapter. Needs numpy.

usage: make_model.py OUTPUT_DIRECTORY [--layers N] [--type BF16|F32]
"""

import argparse
import json
import os
import struct

import numpy

HIDDEN, INTERMEDIATE, VOCABULARY, HEADS, KEY_VALUE_HEADS = 2048, 5632, 32000, 32, 4
RANK, ALPHA = 16, 32
KEY_VALUE = HIDDEN // HEADS * KEY_VALUE_HEADS
LINEARS = {
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (KEY_VALUE, HIDDEN),
    "self_attn.v_proj": (KEY_VALUE, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (INTERMEDIATE, HIDDEN),
    "mlp.up_proj": (INTERMEDIATE, HIDDEN),
    "mlp.down_proj": (HIDDEN, INTERMEDIATE),
}


def bf16(values):
    """The nearest bf16 patterns of an f32 array, as uint16."""
    bits = values.view(numpy.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(numpy.uint16)


def write_safetensors(path, tensors, produce):
    """Writes `tensors` (name, dtype, shape) with the arrays that `produce(name, shape)` gives."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, dtype, shape in tensors:
        size = int(numpy.prod(shape)) * (2 if dtype == "BF16" else 4)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, dtype, shape in tensors:
            values = produce(name, shape)
            file.write((bf16(values) if dtype == "BF16" else values).tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output")
    parser.add_argument("--layers", type=int, default=22)
    parser.add_argument("--type", choices=["BF16", "F32"], default="BF16")
    arguments = parser.parse_args()
    base = os.path.join(arguments.output, "base")
    adapter = os.path.join(arguments.output, "adapter")
    os.makedirs(base, exist_ok=True)
    os.makedirs(adapter, exist_ok=True)
    generator = numpy.random.default_rng(20240607)

    def normal(name, shape):
        if len(shape) == 1:
            return numpy.ones(shape, numpy.float32)
        return generator.standard_normal(shape, numpy.float32) * numpy.float32(0.02)

    kind = arguments.type
    tensors = [("lm_head.weight", kind, (VOCABULARY, HIDDEN)),
               ("model.embed_tokens.weight", kind, (VOCABULARY, HIDDEN))]
    for layer in range(arguments.layers):
        prefix = f"model.layers.{layer}."
        tensors.append((prefix + "input_layernorm.weight", kind, (HIDDEN,)))
        tensors += [(prefix + name + ".weight", kind, shape) for name, shape in LINEARS.items()]
        tensors.append((prefix + "post_attention_layernorm.weight", kind, (HIDDEN,)))
    tensors.append(("model.norm.weight", kind, (HIDDEN,)))
    write_safetensors(os.path.join(base, "model.safetensors"), tensors, normal)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": HIDDEN, "intermediate_size": INTERMEDIATE, "vocab_size": VOCABULARY,
        "num_hidden_layers": arguments.layers, "num_attention_heads": HEADS,
        "num_key_value_heads": KEY_VALUE_HEADS, "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16" if kind == "BF16" else "float32", "bos_token_id": 1, "eos_token_id": 2,
    }
    with open(os.path.join(base, "config.json"), "w") as file:
        json.dump(config, file, indent=2)

    pairs = []
    for layer in range(arguments.layers):
        for name, (rows, columns) in LINEARS.items():
            key = f"base_model.model.model.layers.{layer}.{name}"
            pairs.append((key + ".lora_A.weight", "F32", (RANK, columns)))
            pairs.append((key + ".lora_B.weight", "F32", (rows, RANK)))
    pairs.sort()

    def factor(name, shape):
        scale = 0.02 if ".lora_A." in name else 0.0125
        return generator.standard_normal(shape, numpy.float32) * numpy.float32(scale)

    write_safetensors(os.path.join(adapter, "adapter_model.safetensors"), pairs, factor)
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": ALPHA,
        "lora_dropout": 0.0, "bias": "none", "fan_in_fan_out": False, "inference_mode": True,
        "base_model_name_or_path": None, "modules_to_save": None, "use_rslora": False,
        "use_dora": False, "target_modules": sorted(name.split(".")[1] for name in LINEARS),
    }
    with open(os.path.join(adapter, "adapter_config.json"), "w") as file:
        json.dump(config, file, indent=2, sort_keys=True)


if __name__ == "__main__":
    main()
