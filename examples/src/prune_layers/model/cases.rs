//! Configurations of real families, and what becomes of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::config::{Config, Cut};

/// The configuration without `dropped` of the layers under `list`.
fn cut(config: &Value, list: &str, layers: usize, dropped: &[usize], any: bool) -> Result<Cut, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.json");
    std::fs::write(&path, config.to_string()).unwrap();
    let dropped: BTreeSet<usize> = dropped.iter().copied().collect();
    Config::open(&path).unwrap().without(list, layers, &dropped, any).map_err(|e| e.to_string())
}

fn cut_of(config: Value, layers: usize, dropped: &[usize]) -> Value {
    cut(&config, "model.layers.", layers, dropped, false).unwrap().config
}

fn refusal(config: Value, layers: usize, dropped: &[usize]) -> String {
    cut(&config, "model.layers.", layers, dropped, false).err().expect("refused")
}

const S: &str = "sliding_attention";
const F: &str = "full_attention";

#[test]
fn kinds_that_follow_from_the_number_are_written_out() {
    let gemma2 = json!({"model_type": "gemma2", "num_hidden_layers": 6, "sliding_window": 4});
    let new = cut_of(gemma2, 6, &[1, 2]);
    assert_eq!((&new["num_hidden_layers"], &new["layer_types"]), (&json!(4), &json!([S, F, S, F])));
    assert_eq!(
        cut_of(json!({"model_type": "gemma2", "num_hidden_layers": 4}), 4, &[1])["layer_types"],
        json!([S, S, F])
    );

    let gemma3 = json!({"model_type": "gemma3_text", "num_hidden_layers": 6, "sliding_window_pattern": 3});
    assert_eq!(cut_of(gemma3, 6, &[0, 1])["layer_types"], json!([F, S, S, F]));
    let cohere = json!({"model_type": "cohere2", "num_hidden_layers": 5});
    assert_eq!(cut_of(cohere, 5, &[0])["layer_types"], json!([S, S, F, S]));
    let next = json!({"model_type": "qwen3_next", "num_hidden_layers": 4, "full_attention_interval": 2});
    assert_eq!(cut_of(next, 4, &[0])["layer_types"], json!([F, "linear_attention", F]));
    let bert = json!({"model_type": "modernbert", "num_hidden_layers": 4, "global_attn_every_n_layers": 3});
    assert_eq!(cut_of(bert, 4, &[1])["layer_types"], json!([F, S, F]));
    let smol = json!({"model_type": "smollm3", "num_hidden_layers": 5, "no_rope_layer_interval": 2});
    assert_eq!(cut_of(smol, 5, &[1])["no_rope_layers"], json!([1, 1, 0, 1]));
    let qwen = json!({
        "model_type": "qwen2", "num_hidden_layers": 4, "use_sliding_window": true, "sliding_window": 8,
        "max_window_layers": 2,
    });
    let new = cut_of(qwen, 4, &[0]);
    assert_eq!((&new["layer_types"], &new["max_window_layers"]), (&json!([F, S, S]), &json!(1)));
}

#[test]
fn experts_stay_in_their_layers() {
    let qwen = json!({
        "model_type": "qwen2_moe", "num_hidden_layers": 6, "mlp_only_layers": [1], "decoder_sparse_step": 2,
    });
    // Experts in layers 3 and 5 counted from 0; 3 and 4 once layer 2 is gone.
    let new = cut_of(qwen, 6, &[2]);
    assert_eq!((&new["mlp_only_layers"], &new["decoder_sparse_step"]), (&json!([0, 1, 3]), &json!(1)));
    let deep = json!({"model_type": "deepseek_v3", "num_hidden_layers": 6, "first_k_dense_replace": 3});
    assert_eq!(cut_of(deep.clone(), 6, &[1, 4])["first_k_dense_replace"], 2);
    let mut often = deep;
    often["moe_layer_freq"] = json!(2);
    assert!(refusal(often, 6, &[1]).contains("moe_layer_freq 2"));
    let llama = json!({"model_type": "llama4_text", "num_hidden_layers": 4, "interleave_moe_layer_step": 2});
    let new = cut_of(llama, 4, &[0]);
    assert_eq!((&new["moe_layers"], &new["no_rope_layers"]), (&json!([0, 2]), &json!([1, 1, 0])));
    let ernie = json!({
        "model_type": "ernie4_5_moe", "num_hidden_layers": 6, "moe_layer_interval": 1, "moe_layer_start_index": 2,
        "moe_layer_end_index": 4,
    });
    let new = cut_of(ernie, 6, &[1, 3]);
    assert_eq!((&new["moe_layer_start_index"], &new["moe_layer_end_index"]), (&json!(1), &json!(2)));
}

#[test]
fn periods_are_followed_or_refused_by_name() {
    let jamba = json!({
        "model_type": "jamba", "num_hidden_layers": 16, "attn_layer_period": 8, "attn_layer_offset": 4,
        "expert_layer_period": 2, "expert_layer_offset": 1,
    });
    let new = cut_of(jamba.clone(), 16, &(4..12).collect::<Vec<_>>());
    assert_eq!((&new["attn_layer_period"], &new["attn_layer_offset"]), (&json!(8), &json!(4)));
    // Attention at 2 and 10 of 14, experts at every second.
    let new = cut_of(jamba.clone(), 16, &[0, 1]);
    assert_eq!((&new["attn_layer_period"], &new["attn_layer_offset"]), (&json!(8), &json!(2)));
    // Two layers between two of attention: another period fits.
    let new = cut_of(jamba.clone(), 16, &[5, 6]);
    assert_eq!((&new["attn_layer_period"], &new["attn_layer_offset"]), (&json!(6), &json!(4)));
    let text = refusal(jamba.clone(), 16, &[5]);
    assert!(text.contains("expert_layer_period 2 and expert_layer_offset 1: without these layers"), "{text}");
    let mut longer = jamba;
    longer["num_hidden_layers"] = json!(24);
    let text = refusal(longer, 24, &[5, 6]);
    assert!(text.contains("attn_layer_period 8 and attn_layer_offset 4: without these layers"), "{text}");
    assert!(text.contains("the places are 4, 10, 18 of 22"), "{text}");
    // What is left out is the family's own.
    let new = cut_of(json!({"model_type": "jamba", "num_hidden_layers": 16}), 16, &[0, 1]);
    assert_eq!((&new["attn_layer_offset"], &new["expert_layer_period"]), (&json!(2), &json!(2)));
    assert!(refusal(json!({"model_type": "gpt_neo", "num_layers": 4}), 4, &[1]).contains("attention_types"));
    let kinds = json!({"model_type": "nemotron_h", "layers_block_type": ["mlp", "moe", "mlp"]});
    assert_eq!(cut_of(kinds, 3, &[1])["layers_block_type"], json!(["mlp", "mlp"]));
    let neo = json!({"model_type": "gpt_neo", "num_layers": 4, "attention_types": [[["global", "local"], 2]],
        "attention_layers": ["global", "local", "global", "local"]});
    let new = cut_of(neo, 4, &[1]);
    assert_eq!(new["attention_types"], json!([[["global", "global", "local"], 1]]));
    assert_eq!(new["attention_layers"], json!(["global", "global", "local"]));
    let griffin =
        json!({"model_type": "recurrent_gemma", "num_hidden_layers": 5, "block_types": ["r", "r", "a"]});
    assert_eq!(cut_of(griffin, 5, &[0])["block_types"], json!(["r", "a", "r", "r"]));
    let hybrid =
        json!({"model_type": "nemotron_h", "num_hidden_layers": 5, "hybrid_override_pattern": "M-M*-"});
    assert_eq!(cut_of(hybrid, 5, &[1, 3])["hybrid_override_pattern"], "MM-");
}

/// R05: lists as long as the model, lists of numbers, and what is not understood.
#[test]
fn lists_are_cut_numbers_renumbered_and_the_unknown_named() {
    let config = json!({
        "num_hidden_layers": 6, "num_kv_heads": [1, 2, 3, 4, 5, 6], "ffn_multipliers": [0.5, 1, 1.5, 2, 2.5, 3],
        "cross_attention_layers": [3, 5], "eos_token_id": [1, 2, 3, 4, 5, 6], "layer_norm_eps": 1e-5,
    });
    let found = cut(&config, "model.layers.", 6, &[1, 3], false).unwrap();
    assert_eq!(found.config["num_kv_heads"], json!([1, 3, 5, 6]));
    assert_eq!(found.config["ffn_multipliers"], json!([0.5, 1.5, 2.5, 3]));
    assert_eq!(found.config["cross_attention_layers"], json!([3]));
    assert_eq!(found.config["eos_token_id"], config["eos_token_id"]);
    assert!(found.notes.iter().any(|note| note.contains("ffn_multipliers")), "{:?}", found.notes);
    assert!(found.notes.iter().any(|note| note.contains("model_type")), "{:?}", found.notes);
    for (key, value) in [
        ("odd_layers", json!([1, 3])),
        ("attn_every_n_blocks", json!(4)),
        ("dense_attention_every_n_layers", json!(2)),
        ("num_kv_shared_layers", json!(2)),
        ("scale_attn_by_inverse_layer_idx", json!(true)),
        ("cross_attention_layers", json!([6])),
        ("mlp_only_layers", json!("none")),
    ] {
        let mut config = json!({"model_type": "llama", "num_hidden_layers": 6});
        config[key] = value;
        let text = refusal(config, 6, &[1]);
        assert!(
            text.contains(key) || text.contains("layer 6 of 6") || text.contains("no list"),
            "{key}: {text}"
        );
    }
    // Off, it says nothing.
    let gpt = json!({"model_type": "gpt2", "n_layer": 6, "scale_attn_by_inverse_layer_idx": false});
    assert_eq!(cut_of(gpt, 6, &[1])["n_layer"], 5);
}

#[test]
fn families_that_nobody_compared_need_a_word() {
    let other = json!({"model_type": "diffllama", "num_hidden_layers": 6});
    let text = refusal(other.clone(), 6, &[1]);
    assert!(text.contains("model_type 'diffllama'") && text.contains("--any-family"), "{text}");
    let found = cut(&other, "model.layers.", 6, &[1], true).unwrap();
    assert!(found.notes[0].contains("keys alone"), "{:?}", found.notes);
}

/// R12: the part of a configuration that is about the list.
#[test]
fn the_part_of_the_list_is_found() {
    let both = json!({
        "model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "num_hidden_layers": 4},
        "vision_config": {"model_type": "other_vision_model", "num_hidden_layers": 4},
    });
    let new = cut(&both, "model.language_model.layers.", 4, &[1], false).unwrap().config;
    assert_eq!(new["text_config"]["num_hidden_layers"], 3);
    assert_eq!(new["vision_config"]["num_hidden_layers"], 4);
    let text = cut(&both, "model.visual.blocks.", 4, &[1], false).err().unwrap();
    assert!(text.contains("other_vision_model"), "{text}");
    let new = cut(&both, "model.visual.blocks.", 4, &[1], true).unwrap().config;
    assert_eq!(new["vision_config"]["num_hidden_layers"], 3);
    let sides = json!({"encoder_layers": 4, "decoder_layers": 6, "num_hidden_layers": 4});
    let new = cut(&sides, "model.encoder.layers.", 4, &[1], false).unwrap().config;
    assert_eq!((&new["encoder_layers"], &new["num_hidden_layers"]), (&json!(3), &json!(3)));
    let new = cut(&sides, "model.decoder.layers.", 6, &[1], false).unwrap().config;
    assert_eq!((&new["decoder_layers"], &new["encoder_layers"]), (&json!(5), &json!(4)));
}

/// The language model sees the state of the tower that it saw, wherever that now stands.
#[test]
fn features_of_a_tower_stay_those_of_their_layer() {
    let with = |layer: serde_json::Value| {
        json!({
            "model_type": "llava", "vision_feature_layer": layer,
            "text_config": {"model_type": "llama", "num_hidden_layers": 6},
            "vision_config": {"model_type": "clip_vision_model", "num_hidden_layers": 6},
        })
    };
    let tower = "vision_tower.vision_model.encoder.layers.";
    let new = |layer, dropped: &[usize]| {
        let new = cut(&with(layer), tower, 6, dropped, false).unwrap().config;
        new["vision_feature_layer"].clone()
    };
    // State -2 is the output of layer 4, counted from 0: the last of those kept where layer 5 goes.
    assert_eq!(new(json!(-2), &[1]), json!(-2));
    assert_eq!(new(json!(-2), &[5]), json!(-1));
    // Without layer 4 what it was given.
    assert_eq!(new(json!(-2), &[4]), json!(-2));
    assert_eq!(new(json!([0, 2, 6, -7]), &[1, 4]), json!([0, 1, 4, -5]));
    let text = cut(&with(json!(7)), tower, 6, &[1], false).err().unwrap();
    assert!(text.contains("vision_feature_layer (7)"), "{text}");
    // The text's layers say nothing of the tower's.
    let text = cut(&with(json!(-2)), "language_model.model.layers.", 6, &[5], false).unwrap();
    assert_eq!(text.config["vision_feature_layer"], json!(-2));
}

#[test]
fn names_of_tensors_in_a_configuration_follow() {
    let config = json!({
        "model_type": "llama", "num_hidden_layers": 4,
        "quantization_config": {
            "modules_to_not_convert": ["lm_head", "model.layers.1.mlp", "model.layers.3.mlp"],
            "by": {"model.layers.2.mlp": 4, "model.layers.1.mlp": 8},
        },
    });
    let new = cut_of(config, 4, &[1]);
    let list = &new["quantization_config"];
    assert_eq!(list["modules_to_not_convert"], json!(["lm_head", "model.layers.2.mlp"]));
    assert_eq!(list["by"], json!({"model.layers.1.mlp": 4}));
    let config =
        json!({"num_hidden_layers": 4, "quantization_config": {"ignore": ["re:model\\.layers\\.3\\..*"]}});
    assert!(cut(&config, "model.layers.", 4, &[1], false).err().unwrap().contains("expression"));
}
