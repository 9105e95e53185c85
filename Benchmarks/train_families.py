"""Trains a small language model and families of LoRA adapters for it.

The families differ in what they share:

  related       one adapter learns a dialect, then every task goes on from it
  checkpoints   one training run, saved every few steps
  frozen-down   equal A in all tasks, never trained; only B is
  independent   own initialisation, own data, nothing in common but the base

The language is a seeded chain of tokens in which each token has few successors,
and every eighth token repeats the one seven places before, so that attention has
work to do. A dialect exchanges the successors of some tokens; a task those of
some more. Beside each family lie held-out tokens per task, for perplexities.

Needs torch, transformers and peft; some minutes on two cores.

usage: train_families.py OUTPUT_DIRECTORY [--tasks N]
"""

import argparse
import json
import os

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

VOCABULARY, LENGTH, BATCH = 64, 64, 16
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def chain(seed):
    """Successors of every token, `[token, 4]`, as the base language has them."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randperm(VOCABULARY, generator=generator)[:4] for _ in range(VOCABULARY)])


def changed(successors, count, seed):
    """The chain with new successors for `count` tokens."""
    generator = torch.Generator().manual_seed(seed)
    result = successors.clone()
    for token in torch.randperm(VOCABULARY, generator=generator)[:count]:
        result[token] = torch.randperm(VOCABULARY, generator=generator)[:4]
    return result


def sample(successors, count, generator):
    """`count` sequences of the language, `[count, LENGTH]`."""
    odds = torch.tensor([0.6, 0.2, 0.15, 0.05])
    tokens = torch.empty(count, LENGTH, dtype=torch.long)
    tokens[:, 0] = torch.randint(VOCABULARY, (count,), generator=generator)
    for place in range(1, LENGTH):
        choice = torch.multinomial(odds, count, replacement=True, generator=generator)
        tokens[:, place] = successors[tokens[:, place - 1], choice]
        if place % 8 == 7:
            tokens[:, place] = tokens[:, place - 7]
    return tokens


def train(model, successors, steps, rate, seed, after_step=None):
    generator = torch.Generator().manual_seed(seed)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0)
    model.train()
    for step in range(steps):
        tokens = sample(successors, BATCH, generator)
        loss = model(input_ids=tokens, labels=tokens).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if after_step:
            after_step(step + 1)
    return loss.item()


def adapted(base_path, seed):
    torch.manual_seed(seed)
    base = LlamaForCausalLM.from_pretrained(base_path)
    config = LoraConfig(r=8, lora_alpha=16, target_modules=LINEARS, task_type="CAUSAL_LM")
    return get_peft_model(base, config)


class Family:
    """A directory of adapters with the held-out tokens of each."""

    def __init__(self, output, name):
        self.adapters = os.path.join(output, "families", name)
        self.tokens = os.path.join(output, "tokens", name)
        os.makedirs(self.adapters, exist_ok=True)
        os.makedirs(self.tokens, exist_ok=True)

    def save(self, model, task, successors):
        model.save_pretrained(os.path.join(self.adapters, task))
        held_out = sample(successors, 16, torch.Generator().manual_seed(10_000))
        with open(os.path.join(self.tokens, task + ".json"), "w") as file:
            json.dump(held_out.tolist(), file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("output")
    parser.add_argument("--tasks", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    base_path = os.path.join(arguments.output, "base")
    language = chain(1)
    dialect = changed(language, 24, 2)
    tasks = [(f"task-{n:02}", changed(dialect, 8, 100 + n)) for n in range(arguments.tasks)]

    torch.manual_seed(0)
    base = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY, hidden_size=192, intermediate_size=384, num_hidden_layers=4,
            num_attention_heads=6, num_key_value_heads=2, max_position_embeddings=LENGTH))
    print("base", train(base, language, 500, 2e-3, 3))
    base.save_pretrained(base_path)

    family = Family(arguments.output, "related")
    common = adapted(base_path, 10)
    print("common", train(common, dialect, 200, 2e-3, 11))
    state = {name: value.clone() for name, value in common.state_dict().items()}
    for number, (task, successors) in enumerate(tasks):
        common.load_state_dict(state)
        print(task, train(common, successors, 60, 1e-3, 200 + number))
        family.save(common, task, successors)

    family = Family(arguments.output, "checkpoints")
    run = adapted(base_path, 12)

    def save_checkpoint(step):
        if step % 25 == 0:
            family.save(run, f"checkpoint-{step:03}", tasks[0][1])

    print("run", train(run, tasks[0][1], 250, 2e-3, 13, save_checkpoint))

    family = Family(arguments.output, "frozen-down")
    for number, (task, successors) in enumerate(tasks):
        model = adapted(base_path, 14)
        for name, weight in model.named_parameters():
            if "lora_A" in name:
                weight.requires_grad = False
        print(task, train(model, successors, 120, 4e-3, 300 + number))
        family.save(model, task, successors)

    family = Family(arguments.output, "independent")
    for number in range(arguments.tasks):
        successors = changed(language, 24, 400 + number)
        model = adapted(base_path, 500 + number)
        print(number, train(model, successors, 120, 2e-3, 600 + number))
        family.save(model, f"task-{number:02}", successors)


if __name__ == "__main__":
    main()
