//! What tokens are like: how predictable they are, what they cost, how a model of them scales.
