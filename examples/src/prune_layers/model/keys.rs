//! What is known of the keys of configurations, and of families of models.

/// Keys that give the number of layers.
pub const COUNTS: [&str; 7] = [
    "num_hidden_layers",
    "n_layer",
    "n_layers",
    "num_layers",
    "num_transformer_layers",
    "depth",
    "num_blocks",
];
/// The same for the decoder, and for the encoder, of a model that has both.
pub const SIDES: [(&str, [&str; 2]); 2] = [
    ("decoder", ["decoder_layers", "num_decoder_layers"]),
    ("encoder", ["encoder_layers", "num_encoder_layers"]),
];
/// Draft layers, which stand behind the others in the same list.
pub const DRAFTS: [&str; 2] = ["num_nextn_predict_layers", "num_mtp_layers"];

/// Lists of numbers of layers.
pub const NUMBERS: [&str; 11] = [
    "attn_layer_indices",
    "cross_attention_layers",
    "full_attn_idxs",
    "full_attention_idxs",
    "fullatt_block_indexes",
    "global_attn_indexes",
    "layers_to_transform",
    "local_layer_ids",
    "mlp_only_layers",
    "moe_layers",
    "rope_scaling_layers",
];
/// Numbers of layers at the beginning that are of one kind.
pub const BELOW: [&str; 3] = ["first_k_dense_replace", "max_window_layers", "num_dense_layers"];
/// Keys that, where they are set, tie layers to one another or to their numbers in a way that no
/// configuration of fewer layers can say.
pub const TIED: [&str; 21] = [
    "attention_every_n_layers",
    "deepstack_visual_indexes",
    "dense_attention_every_n_layers",
    "hidden_size_per_layer_input",
    "hybrid_layer_ids",
    "intermediate_layers_indices",
    "layer_group_size",
    "loop_layer_index_start",
    "n_layers_per_attn_res_block",
    "num_global_layers",
    "num_hidden_groups",
    "num_kv_shared_layers",
    "num_layers_per_stack",
    "num_mem_blocks",
    "ple_layer_ids",
    "rescale_every",
    "scale_attn_by_inverse_layer_idx",
    "scale_depth",
    "use_weighted_layer_sum",
    "vision_feature_layers",
    "yoco_cross_layers",
];
/// Words in a key that may say which layer is what.
const TELLING: [&str; 9] =
    ["layer", "interval", "every", "period", "pattern", "block_type", "_idx", "indices", "indexes"];
/// Words in a key that say that it does not.
const NEUTRAL: [&str; 7] =
    ["norm", "drop", "scale_init", "layer_scale", "feature_layer", "rope_interleave", "classifier"];
/// Keys that hold such words and do not say it.
const PLAIN: [&str; 6] = [
    "altup_active_idx",
    "mtp_layer_types",
    "mtp_mlp_layer_types",
    "mtp_layers_block_type",
    "adapter_layers",
    "num_lstm_layers",
];
/// Lists that have nothing to do with layers, whatever their length.
const UNLAYERED: [&str; 8] = [
    "architectures",
    "mrope_section",
    "keys_to_ignore_at_inference",
    "time_step_limit",
    "supported_languages",
    "chunk_sizes",
    "labels",
    "image_size",
];

/// Whether a key gives a number of layers, of whatever list.
pub fn counting(key: &str) -> bool {
    let sides = SIDES.iter().any(|(_, keys)| keys.contains(&key));
    sides || COUNTS.contains(&key) || DRAFTS.contains(&key)
}

/// Whether a key may say which layer is what, though nothing is known of it.
pub fn telling(key: &str) -> bool {
    TELLING.iter().any(|word| key.contains(word))
        && !NEUTRAL.iter().any(|word| key.contains(word))
        && !PLAIN.contains(&key)
        && !key.contains("_token_id")
}

/// Whether a list of as many values as there are layers is one value a layer.
pub fn by_layer(key: &str) -> bool {
    !key.contains("token_id") && !UNLAYERED.contains(&key)
}

/// Numbers that a configuration leaves out where they are the family's own: (family, key, value).
pub const OWN: &[(&str, &str, u64)] = &[
    ("afmoe", "num_dense_layers", 1),
    ("deepseek_v3", "first_k_dense_replace", 3),
    ("ernie4_5_moe", "moe_layer_interval", 1),
    ("ernie4_5_moe", "moe_layer_start_index", 1),
    ("glm4_moe", "first_k_dense_replace", 1),
    ("jamba", "attn_layer_offset", 4),
    ("jamba", "attn_layer_period", 8),
    ("jamba", "expert_layer_offset", 1),
    ("jamba", "expert_layer_period", 2),
];

/// Families of which dropped layers were compared with the model itself, state by state: `.ci/deep/families.sh`
/// prints the table.
pub const FAMILIES: &[&str] = &[
    "afmoe",
    "apertus",
    "arcee",
    "bamba",
    "bert",
    "biogpt",
    "bitnet",
    "bloom",
    "camembert",
    "clip_vision_model",
    "codegen",
    "cohere",
    "cohere2",
    "deepseek_v3",
    "distilbert",
    "doge",
    "dots1",
    "electra",
    "ernie4_5",
    "ernie4_5_moe",
    "exaone4",
    "falcon",
    "falcon_h1",
    "flex_olmo",
    "gemma",
    "gemma2",
    "gemma3_text",
    "glm",
    "glm4",
    "glm4_moe",
    "gpt_bigcode",
    "gpt_neo",
    "gpt_neox",
    "gpt_oss",
    "gpt2",
    "gptj",
    "granite",
    "granitemoe",
    "granitemoehybrid",
    "granitemoeshared",
    "helium",
    "hunyuan_v1_dense",
    "hunyuan_v1_moe",
    "hyperclovax",
    "jais2",
    "jamba",
    "lfm2",
    "llama",
    "llama4_text",
    "llama4_vision_model",
    "mamba",
    "mamba2",
    "minimax_m2",
    "ministral",
    "ministral3",
    "mistral",
    "mixtral",
    "modernbert",
    "mpt",
    "nanochat",
    "nemotron",
    "nemotron_h",
    "olmo",
    "olmo2",
    "olmo3",
    "olmoe",
    "opt",
    "persimmon",
    "phi",
    "phi3",
    "phimoe",
    "pixtral",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "qwen3_next",
    "recurrent_gemma",
    "roberta",
    "seed_oss",
    "siglip_vision_model",
    "smollm3",
    "solar_open",
    "stablelm",
    "starcoder2",
    "vaultgemma",
    "xglm",
    "xlm-roberta",
];
/// Families that hold two of those, a tower of pictures and a language model; compared whole, each list by itself.
pub const WRAPPERS: &[&str] = &["gemma3", "llama4", "llava", "mistral3"];
