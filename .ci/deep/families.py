#!/usr/bin/env python3
"""The families of models that `prune-layers --apply` takes, one by one: small random models of the transformers package,
pruned and loaded as they lie, against the model itself with the same layers skipped in memory (each kept layer keeps its
own attributes): the output of every kept layer and the logits, in every bit. Else the refusal, with its key.

    python families.py PATH/TO/prune-layers [--any-family] [FAMILY ...]

With --any-family also families that the program does not know are tried: what may join its list.

Packages: families.txt. Prints a table; exits with 1 where a model differs, does not load, or loses or invents a tensor.
"""
import copy, json, pathlib, shutil, subprocess, sys, tempfile, warnings

warnings.filterwarnings("ignore")
import numpy as np
import torch
import transformers
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, AutoModelForImageTextToText, AutoModelForMaskedLM

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
torch.set_num_threads(1)
L, TOKENS = 8, 20
# Small, whatever the family calls it; a window of 4 of 20 tokens, so that it matters which layers slide.
SMALL = dict(
    vocab_size=128, hidden_size=32, n_embd=32, d_model=32, dim=32, embedding_size=32, emb_dim=32, intermediate_size=48,
    ffn_dim=48, n_inner=48, hidden_dim=48, ffn_hidden_size=48, num_hidden_layers=L, n_layer=L, n_layers=L, num_layers=L,
    num_attention_heads=4, n_head=4, n_heads=4, num_heads=4, attention_heads=4, num_key_value_heads=2, num_kv_heads=2,
    head_dim=8, rotary_dim=4, max_position_embeddings=64, n_positions=64, n_ctx=64, max_seq_len=64, num_experts=4,
    num_local_experts=4, n_routed_experts=4, num_experts_per_tok=2, moe_num_experts=4, moe_k=2, moe_intermediate_size=16,
    shared_expert_intermediate_size=16, moe_layer_freq=1, n_group=1, topk_group=1, sliding_window=4, window_size=4,
    local_attention=8, attention_window_size=4, q_lora_rank=16, kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=8,
    v_head_dim=8, state_size=8, mamba_d_state=8, mamba_d_conv=4, mamba_expand=2, mamba_n_heads=4, mamba_d_head=16,
    mamba_n_groups=1, mamba_dt_rank=4, mamba_num_heads=4, mamba_head_dim=16, ssm_state_size=8, n_groups=1, lru_width=32,
    time_step_rank=4, linear_num_key_heads=2, linear_num_value_heads=2, linear_key_head_dim=8, linear_value_head_dim=8,
    word_embed_proj_dim=32, pad_token_id=0, bos_token_id=1, eos_token_id=2, type_vocab_size=1, block_size=8,
    shared_intermediate_size=16, chunk_size=8, mamba_chunk_size=8, attention_chunk_size=4, intermediate_size_mlp=48,
    query_pre_attn_scalar=8, use_mamba_kernels=False, resid_pdrop=0.0, attn_pdrop=0.0, embd_pdrop=0.0,
)
HYBRID = ["mamba", "mamba", "attention", "mamba"] * (L // 4)
# Family, what differs from the defaults, and keys that older configurations lack.
CASES = [
    ("llama", {}, []), ("mistral", {}, []), ("mixtral", {}, []), ("gemma", {}, []), ("gemma2", {}, []),
    ("gemma2", {}, ["layer_types"]), ("gemma3_text", {}, []), ("gemma3_text", {}, ["layer_types"]), ("qwen2", {}, []),
    ("qwen2", dict(use_sliding_window=True, max_window_layers=5), []),
    ("qwen2", dict(use_sliding_window=True, max_window_layers=5), ["layer_types"]),
    ("qwen2_moe", dict(mlp_only_layers=[1], decoder_sparse_step=2), []), ("qwen3", {}, []),
    ("qwen3_moe", dict(mlp_only_layers=[5], decoder_sparse_step=1), []), ("qwen3_next", {}, []),
    ("qwen3_next", {}, ["layer_types"]), ("jamba", dict(attn_layer_period=4, attn_layer_offset=2), []), ("gpt_neox", {}, []),
    ("gpt_neo", dict(attention_types=[[["global", "local"], L // 2]]), []), ("gpt2", {}, []),
    ("gpt2", dict(scale_attn_by_inverse_layer_idx=True), []), ("gptj", {}, []), ("gpt_bigcode", {}, []), ("codegen", {}, []),
    ("bloom", {}, []), ("opt", {}, []), ("falcon", {}, []), ("mpt", {}, []), ("phi", {}, []), ("phi3", {}, []),
    ("phimoe", {}, []), ("stablelm", {}, []), ("starcoder2", {}, []), ("persimmon", {}, []), ("xglm", {}, []),
    ("olmo", {}, []), ("olmo2", {}, []), ("olmo3", {}, []), ("olmo3", {}, ["layer_types"]), ("olmoe", {}, []),
    ("cohere", {}, []), ("cohere2", {}, []), ("cohere2", {}, ["layer_types"]), ("granite", {}, []), ("granitemoe", {}, []),
    ("granitemoehybrid", dict(layer_types=HYBRID), []), ("helium", {}, []), ("nemotron", {}, []), ("arcee", {}, []),
    ("apertus", {}, []), ("seed_oss", {}, []), ("ernie4_5", {}, []), ("ernie4_5_moe", dict(moe_layer_start_index=2), []),
    ("glm", {}, []), ("glm4", {}, []), ("glm4_moe", dict(first_k_dense_replace=2), []),
    ("deepseek_v2", dict(first_k_dense_replace=2, num_key_value_heads=4), []),
    ("deepseek_v3", dict(first_k_dense_replace=2, num_key_value_heads=4), []),
    ("dots1", dict(first_k_dense_replace=2, n_shared_experts=1), []), ("smollm3", {}, []), ("smollm3", {}, ["layer_types", "no_rope_layers"]),
    ("exaone4", {}, []), ("exaone4", {}, ["layer_types"]), ("gpt_oss", {}, []), ("gpt_oss", {}, ["layer_types"]),
    ("llama4_text", dict(interleave_moe_layer_step=2), []),
    ("llama4_text", dict(interleave_moe_layer_step=2), ["layer_types", "no_rope_layers", "moe_layers"]), ("ministral", {}, []),
    ("vaultgemma", {}, []), ("recurrent_gemma", {}, []), ("lfm2", dict(full_attn_idxs=[2, 5]), []), ("falcon_h1", dict(mamba_d_ssm=64), []),
    ("mamba", {}, []), ("mamba2", dict(num_heads=4, head_dim=16, expand=2), []),
    ("nemotron_h", dict(layers_block_type=["linear_attention", "mlp", "full_attention", "mlp"] * (L // 4)), []),
    ("bert", {}, []), ("roberta", {}, []), ("distilbert", {}, []), ("electra", {}, []), ("modernbert", {}, []),
    ("modernbert", {}, ["layer_types"]), ("diffllama", {}, []), ("minimax", {}, []), ("bamba", dict(attn_layer_indices=[2, 5]), []),
    ("zamba2", {}, []), ("gemma3n_text", {}, []), ("rwkv", dict(attention_hidden_size=32), []), ("afmoe", {}, []),
    ("lfm2_moe", {}, []), ("hunyuan_v1_dense", {}, []), ("hunyuan_v1_moe", {}, []), ("doge", {}, []), ("bitnet", {}, []),
    ("biogpt", {}, []), ("dbrx", {}, []), ("xlm-roberta", {}, []), ("camembert", {}, []), ("deberta-v2", {}, []),
    ("flex_olmo", {}, []), ("exaone_moe", {}, []), ("minimax_m2", {}, []), ("solar_open", {}, []), ("youtu", {}, []),
    ("jais2", {}, []), ("hyperclovax", {}, []), ("nanochat", {}, []), ("ministral3", {}, []), ("longcat_flash", {}, []),
    ("cwm", {}, []), ("granitemoeshared", {}, []), ("gemma4_text", {}, []), ("glm4_moe_lite", {}, []),
    ("deepseek_v32", {}, []), ("mimo_v2", {}, []), ("laguna", {}, []), ("minicpm3", {}, []), ("olmo_hybrid", {}, []),
    ("kimi_linear", {}, []), ("xmod", {}, []), ("gpt_neox_japanese", {}, []), ("ctrl", {}, []), ("openai-gpt", {}, []),
]
# Models of pictures and text, whole: their parts, and how many tokens a picture is. Each list of layers is pruned by
# itself. The features of LLaVA come from the last layer of the tower but one, or from two layers.
IMAGE = 127
CLIP = dict(model_type="clip_vision_model", hidden_size=32, intermediate_size=48, num_hidden_layers=6,
            num_attention_heads=4, image_size=28, patch_size=14)
SIGLIP = dict(CLIP, model_type="siglip_vision_model", image_size=56)
PIXTRAL = dict(CLIP, model_type="pixtral")
LLAMA4 = dict(CLIP, model_type="llama4_vision_model", intermediate_size=128, pixel_shuffle_ratio=0.5,
              projector_input_dim=32, projector_output_dim=32, vision_output_dim=32)
WRAPPED = [
    ("llava", dict(text="llama", vision_config=CLIP), 4),
    ("llava", dict(text="mistral", vision_config=CLIP, vision_feature_layer=[2, -3]), 4),
    ("mistral3", dict(text="mistral", vision_config=PIXTRAL, spatial_merge_size=2), 1),
    ("gemma3", dict(text="gemma3_text", vision_config=SIGLIP, mm_tokens_per_image=4), 4),
    ("llama4", dict(text="llama4_text", vision_config=LLAMA4), 1),
]
# Layers that go, counted from 0.
DROPS = [[5], [2, 3], [1, 4], [3, 4, 5, 6], [0], [7], [4, 5, 6, 7]]


def small(family, changes):
    config_class = CONFIG_MAPPING[family]
    known = dict(config_class().to_dict(), **{k: None for k in getattr(config_class, "attribute_map", {})})
    given = {k: v for k, v in SMALL.items() if k in known}
    given.update(changes)
    config = config_class(**given)
    if hasattr(config, "ffn_config") and hasattr(config.ffn_config, "ffn_hidden_size"):  # dbrx
        config.ffn_config.ffn_hidden_size, config.ffn_config.moe_num_experts, config.ffn_config.moe_top_k = 48, 4, 2
        config.attn_config.kv_n_heads = 2
    config.use_cache = False
    return config


def auto_of(config):
    masked = config.model_type in transformers.models.auto.modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    causal = config.model_type in transformers.models.auto.modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    encoder = config.model_type in ("bert", "roberta", "electra", "xlm-roberta", "camembert", "xmod")
    return AutoModelForMaskedLM if masked and (encoder or not causal) else AutoModelForCausalLM


def skip(layer):
    """Makes a layer hand its input on; all else of it stays, and what looks at its outputs sees that input."""
    inner = layer.forward

    def forward(*args, **kwargs):
        out = inner(*args, **kwargs)
        hidden = args[0] if args else kwargs.get("hidden_states", kwargs.get("hidden_state"))
        return (hidden,) + tuple(out[1:]) if isinstance(out, tuple) else hidden

    layer.forward = forward


def outputs(model, layers, chosen, given):
    """The output of each chosen layer, and the logits."""
    found, hooks = [], []
    first = lambda out: out[0] if isinstance(out, tuple) else out
    for i in chosen:
        hooks.append(layers[i].register_forward_hook(lambda _m, _i, out: found.append(first(out).detach().clone())))
    with torch.no_grad():
        logits = model(**given, use_cache=False).logits if accepts_cache(model) else model(**given).logits
    for hook in hooks:
        hook.remove()
    return found + [logits]


def accepts_cache(model):
    import inspect

    return "use_cache" in inspect.signature(model.forward).parameters


def states(dropped, n):
    """States of n layers by which exactly these layers do nothing."""
    x, at = np.zeros((1, n + 1, n + 1), np.float32), 0
    x[0, 0, 0] = 1
    for layer in range(n):
        at += layer not in dropped
        x[0, layer + 1, at] = 1
    return x


def wrapped(family, parts, images):
    """A model of pictures and text, and what it is given: text about a picture of so many tokens."""
    parts = dict(parts)
    text = small(parts.pop("text"), {})
    config = CONFIG_MAPPING[family](text_config=text.to_dict(), image_token_id=IMAGE, image_token_index=IMAGE, **parts)
    side = parts["vision_config"]["image_size"]
    random = torch.Generator().manual_seed(1)
    ids = torch.randint(3, IMAGE, (2, TOKENS), generator=random)
    ids[:, 2 : 2 + images] = IMAGE
    given = dict(input_ids=ids, pixel_values=torch.randn((2, 3, side, side), generator=random))
    if family == "mistral3":
        given["image_sizes"] = torch.tensor([[side, side]] * 2)
    if family == "llama4":  # The whole asks the text model's output for a field that it lacks (transformers 5.24.0).
        transformers.modeling_outputs.MoeCausalLMOutputWithPast.image_outputs = None
    return config, given


def list_of(model):
    found = [name for name, m in model.named_modules() if isinstance(m, torch.nn.ModuleList) and len(m) == L]
    return min(found, key=lambda name: name.count("."))


def made(auto, config, lacking, source):
    """A model of random weights of a size that makes every layer matter, as it lies in the folder `source`."""
    torch.manual_seed(0)
    model = auto.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                p.normal_(0, 0.2)
            elif p.dim() == 1:
                p.add_(0.1 * torch.randn_like(p))
    model.save_pretrained(source)
    written = json.loads((source / "config.json").read_text())
    for key in lacking:
        written.pop(key, None)
    (source / "config.json").write_text(json.dumps(written))
    return auto.from_pretrained(source, attn_implementation="eager").eval()


def check(program, more, auto, model, given, name, drops, folder):
    """Each of the drops from the list of layers `name` of a model that lies in folder / "source"."""
    n = len(model.get_submodule(name))
    right, refused, wrong = [], {}, []
    for dropped in drops:
        np.save(folder / "states.npy", states(dropped, n))
        out = folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        command = [program, "states.npy", "--layers", str(n), "--drop", str(len(dropped)), "--choose", "influence",
                   "--keep-last", "0", "--apply", "source", "--out", "out", "--progress", "none", "--threads", "1", "--quiet", *more]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if ended.returncode != 0:
            line = ended.stderr.strip()
            refused.setdefault(line.split(": ", 2)[-1][:76], []).append(dropped)
            continue
        kept = [i for i in range(n) if i not in dropped]
        whole = copy.deepcopy(model)
        layers = whole.get_submodule(name)
        for i in dropped:
            skip(layers[i])
        wanted = outputs(whole, layers, kept, given)
        try:
            new, info = auto.from_pretrained(out, attn_implementation="eager", output_loading_info=True)
            lost = sorted(info["missing_keys"]) + sorted(info["unexpected_keys"]) + sorted(info["mismatched_keys"])
            if lost:
                wrong.append(f"{dropped}: {lost[0]}")
                continue
            new.eval()
            got = outputs(new, new.get_submodule(name), range(len(kept)), given)
        except Exception as error:
            wrong.append(f"{dropped}: does not load: {str(error).splitlines()[0][:60]}")
            continue
        bad = [i for i, (a, b) in enumerate(zip(wanted, got)) if not torch.equal(a, b)]
        if len(wanted) != len(got) or bad:
            far = max(((a - b).abs().max() / a.abs().max()).item() for a, b in zip(wanted, got))
            wrong.append(f"{dropped}: differs from layer {bad[:1]} on, by {far:.1e}")
        else:
            right.append(dropped)
    said = "; ".join(f"{len(drops)}: {line}" for line, drops in refused.items())
    return bool(wrong), f"{len(right)} of {len(drops)} | {said} | {'; '.join(wrong)} |"


def lists_of(model, source):
    """The lists of layers, by their names in the checkpoint, each with its name in the model."""
    from safetensors import safe_open

    with safe_open(source / "model.safetensors", "pt") as file:
        names = {key.split(".0.")[0] for key in file.keys() if ".layers.0." in key}
    lists = [name for name, m in model.named_modules() if isinstance(m, torch.nn.ModuleList)]
    # A checkpoint may have other words at the beginning; which tower it is stands in both.
    kind = lambda name: "vision" in name
    return [(name, next(own for own in lists if own.endswith("layers") and kind(own) == kind(name))) for name in sorted(names)]


def main():
    program, more = str(pathlib.Path(sys.argv[1]).resolve()), [flag for flag in sys.argv[2:] if flag.startswith("--")]
    only = [name for name in sys.argv[2:] if not name.startswith("--")]
    print(f"torch {torch.__version__}, transformers {transformers.__version__}; {L} layers, drops {DROPS}")
    print("| family | right | refused | wrong |\n|---|---|---|---|")
    failed = 0

    def row(title, work):
        nonlocal failed
        with tempfile.TemporaryDirectory() as folder:
            try:
                for title, (wrong, cells) in work(title, pathlib.Path(folder)):
                    failed += wrong
                    print(f"| {title} | {cells}", flush=True)
            except Exception as error:
                lines = str(error).splitlines() or [type(error).__name__]
                print(f"| {title} | not built: {lines[0][:90]} | | |", flush=True)

    for family, changes, lacking in CASES:
        if only and family not in only:
            continue

        def work(title, folder):
            config = small(family, changes)
            auto = auto_of(config)
            model = made(auto, config, lacking, folder / "source")
            ids = torch.randint(3, 128, (2, TOKENS), generator=torch.Generator().manual_seed(1))
            yield title, check(program, more, auto, model, dict(input_ids=ids), list_of(model), DROPS, folder)

        title = family + "".join(f" {k}={v}" for k, v in changes.items())
        row(title + (f", without {', '.join(lacking)}" if lacking else ""), work)
    for family, parts, images in WRAPPED:
        if only and family not in only:
            continue

        def work(title, folder):
            config, given = wrapped(family, parts, images)
            auto = AutoModelForImageTextToText
            model = made(auto, config, [], folder / "source")
            for name, inside in lists_of(model, folder / "source"):
                n = len(model.get_submodule(inside))
                drops = [drop for drop in DROPS if max(drop) < n]
                flags = [*more, "--layer-list", name]
                yield f"{title}, {name}", check(program, flags, auto, model, given, inside, drops, folder)

        features = parts.get("vision_feature_layer")
        row(f"{family} of {parts['text']}" + (f", features {features}" if features else ""), work)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
