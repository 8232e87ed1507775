//! What heals a model after layers went: QLoRA with the settings of Gromov et al. 2024, as arguments of
//! the packages peft and transformers.
//!
//! *Source*: their section 4.1 and appendix: 5000 steps of 16 sequences of C4, a cosine schedule with 100
//! steps of warm-up, dropout 0.05, alpha equal to the rank, adapters of the feed-forward modules alone, a
//! base model in 4 bits, seed 0; learning rate, rank and length by model. What they do not say of the 4
//! bits is that of QLoRA (Dettmers et al. 2023): NormalFloat, quantized twice, computed in bfloat16.

use clap::ValueEnum;
use serde_json::{Value, json};

/// The models of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Like {
    /// Rank 2, learning rate 3e-4, 2048 tokens
    #[value(name = "llama-2-7b")]
    Llama7,
    /// Rank 64, learning rate 3e-4, 4096 tokens
    #[value(name = "llama-2-13b")]
    Llama13,
    /// Rank 8, learning rate 3e-5, 4096 tokens
    #[value(name = "llama-2-70b")]
    Llama70,
    /// Rank 64, learning rate 3e-4, 2048 tokens
    #[value(name = "qwen-7b")]
    Qwen7,
    /// Rank 64, learning rate 3e-4, 4096 tokens
    #[value(name = "qwen-14b")]
    Qwen14,
    /// Rank 4, learning rate 3e-6, 2048 tokens
    #[value(name = "mistral-7b")]
    Mistral7,
    /// Rank 64, learning rate 2e-4, 2048 tokens
    #[value(name = "phi-2")]
    Phi2,
}

impl Like {
    /// Rank, learning rate, tokens of a sequence.
    fn settings(self) -> (u32, f64, u32) {
        match self {
            Self::Llama7 => (2, 3e-4, 2048),
            Self::Llama13 => (64, 3e-4, 4096),
            Self::Llama70 => (8, 3e-5, 4096),
            Self::Qwen7 => (64, 3e-4, 2048),
            Self::Qwen14 => (64, 3e-4, 4096),
            Self::Mistral7 => (4, 3e-6, 2048),
            Self::Phi2 => (64, 2e-4, 2048),
        }
    }

    /// The feed-forward modules of these models, by name.
    fn modules(self) -> &'static [&'static str] {
        match self {
            Self::Qwen7 | Self::Qwen14 => &["w1", "w2", "c_proj"],
            Self::Phi2 => &["fc1", "fc2"],
            _ => &["gate_proj", "up_proj", "down_proj"],
        }
    }
}

/// The configuration; `modules` are the feed-forward modules of the model itself, where it is known.
pub fn configuration(like: Like, modules: &[String]) -> Value {
    let (rank, rate, tokens) = like.settings();
    let modules = if modules.is_empty() { json!(like.modules()) } else { json!(modules) };
    json!({
        "peft.LoraConfig": {
            "r": rank, "lora_alpha": rank, "lora_dropout": 0.05, "target_modules": modules, "bias": "none",
            "task_type": "CAUSAL_LM",
        },
        "transformers.BitsAndBytesConfig": {
            "load_in_4bit": true, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": true,
            "bnb_4bit_compute_dtype": "bfloat16",
        },
        "transformers.TrainingArguments": {
            "max_steps": 5000, "per_device_train_batch_size": 1, "gradient_accumulation_steps": 16,
            "learning_rate": rate, "lr_scheduler_type": "cosine", "warmup_steps": 100, "bf16": true, "seed": 0,
        },
        "data": {"dataset": "allenai/c4", "name": "en", "split": "train", "tokens": tokens},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn healing_has_the_settings_of_the_paper() {
        let all = Like::value_variants().iter().map(|like| configuration(*like, &[]));
        let ranks: Vec<u64> = all.clone().filter_map(|c| c["peft.LoraConfig"]["r"].as_u64()).collect();
        assert_eq!(ranks, [2, 64, 8, 64, 64, 4, 64]);
        for config in all {
            let (lora, training) = (&config["peft.LoraConfig"], &config["transformers.TrainingArguments"]);
            assert_eq!((&lora["lora_alpha"], &lora["lora_dropout"]), (&lora["r"], &json!(0.05)));
            let sequences = training["per_device_train_batch_size"].as_u64().unwrap()
                * training["gradient_accumulation_steps"].as_u64().unwrap();
            assert_eq!(
                (sequences, &training["max_steps"], &training["warmup_steps"]),
                (16, &json!(5000), &json!(100))
            );
        }
        let own = configuration(Like::Mistral7, &["wi".to_string()]);
        assert_eq!(own["peft.LoraConfig"]["target_modules"], json!(["wi"]));
        assert_eq!(own["transformers.TrainingArguments"]["learning_rate"], json!(3e-6));
    }
}
