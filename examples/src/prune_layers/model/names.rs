//! Which layer a tensor belongs to, by its name.

use std::collections::BTreeSet;

/// Names under which models keep their list of layers.
const LISTS: [&str; 6] = ["layers", "h", "blocks", "layer", "block", "resblocks"];

/// The layer in a tensor's name: what stands before its number, the number, what stands after.
pub fn layer_of(name: &str) -> Option<(&str, usize, &str)> {
    for (dot, _) in name.match_indices('.') {
        let list = name[..dot].rsplit('.').next()?;
        let digits = name[dot + 1..].split('.').next()?;
        let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if LISTS.contains(&list) && number {
            let end = dot + 1 + digits.len();
            return Some((&name[..=dot], digits.parse().ok()?, &name[end..]));
        }
    }
    None
}

/// The name of a tensor once the layers `dropped` of `list` are gone; `None` where it goes with them.
pub fn renamed(name: &str, list: &str, dropped: &BTreeSet<usize>) -> Option<String> {
    match layer_of(name) {
        Some((before, layer, after)) if before == list => {
            let number = renumbered(layer, dropped)?;
            Some(format!("{before}{number}{after}"))
        }
        _ => Some(name.to_string()),
    }
}

/// The number of a layer once `dropped` are gone; `None` for one of them.
pub fn renumbered(layer: usize, dropped: &BTreeSet<usize>) -> Option<usize> {
    (!dropped.contains(&layer)).then(|| layer - dropped.range(..layer).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_layers_are_found_and_renumbered() {
        assert_eq!(
            layer_of("model.layers.12.mlp.up_proj.weight"),
            Some(("model.layers.", 12, ".mlp.up_proj.weight"))
        );
        assert_eq!(layer_of("transformer.h.0.attn.bias"), Some(("transformer.h.", 0, ".attn.bias")));
        assert_eq!(layer_of("h.3"), Some(("h.", 3, "")));
        for name in ["lm_head.weight", "model.layers.norm.weight", "players.3.x", "model.layers..x", "layers"]
        {
            assert_eq!(layer_of(name), None, "{name}");
        }
        // The first list counts: experts inside a layer keep their numbers.
        assert_eq!(layer_of("model.layers.2.moe.layers.7.w"), Some(("model.layers.", 2, ".moe.layers.7.w")));
        let dropped = BTreeSet::from([1, 2]);
        assert_eq!(renamed("h.0.w", "h.", &dropped).as_deref(), Some("h.0.w"));
        assert_eq!(renamed("h.2.w", "h.", &dropped), None);
        assert_eq!(renamed("h.10.w", "h.", &dropped).as_deref(), Some("h.8.w"));
        assert_eq!(renamed("h.2.w", "blocks.", &dropped).as_deref(), Some("h.2.w"), "another list");
        assert_eq!(renamed("norm.w", "h.", &dropped).as_deref(), Some("norm.w"));
    }
}
