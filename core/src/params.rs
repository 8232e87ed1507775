//! What all parameters have alike: setters, lists of choices, a default that is what `new` makes.

/// The setters of a builder, inside its `impl`.
///
/// `rate: f64;` sets the field of that name. `betas(first: f64, second: f64) { betas = [first, second] }` sets
/// other fields, or by other arguments. Each hands the builder on.
macro_rules! setters {
    () => {};
    ($(#[$doc:meta])* $name:ident: $type:ty; $($rest:tt)*) => {
        $crate::params::setters! { $(#[$doc])* $name($name: $type) { $name = $name } $($rest)* }
    };
    ($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),+) { $($field:ident = $value:expr),+ } $($rest:tt)*) => {
        $(#[$doc])*
        pub fn $name(mut self, $($arg: $type),+) -> Self {
            $(self.$field = $value;)+
            self
        }

        $crate::params::setters! { $($rest)* }
    };
}
pub(crate) use setters;

/// `ALL` of an enum whose variants hold nothing; the compiler checks that none is missing. Where the variants have
/// names, `name()` too. An enum in brackets gets an array instead of a slice. Documentation before the enum is added
/// to that of `ALL`.
macro_rules! choices {
    ($(#[$doc:meta])* $enum:ident: $($variant:ident),+) => {
        $crate::params::choices!(all [$($doc)*] $enum &[Self]; &[$(Self::$variant),+]; $($variant)+);
    };
    ($(#[$doc:meta])* $enum:ident: $($variant:ident $name:literal),+) => {
        $crate::params::choices!(all [$($doc)*] $enum &[Self]; &[$(Self::$variant),+]; $($variant)+);
        $crate::params::choices!(names $enum; $($variant $name)+);
    };
    ($(#[$doc:meta])* [$enum:ident]: $($variant:ident $name:literal),+) => {
        $crate::params::choices!(all [$($doc)*] $enum [Self; [$($name),+].len()]; [$(Self::$variant),+]; $($variant)+);
        $crate::params::choices!(names $enum; $($variant $name)+);
    };
    (all [$($doc:meta)*] $enum:ident $type:ty; $all:expr; $($variant:ident)+) => {
        impl $enum {
            /// Every variant, in the order of declaration.
            $(#[$doc])*
            pub const ALL: $type = $all;
        }

        const _: fn($enum) = |choice| match choice {
            $($enum::$variant => (),)+
        };
    };
    (names $enum:ident; $($variant:ident $name:literal)+) => {
        impl $enum {
            #[doc = concat!("The name in programs, records and test vectors:" $(, " \"", $name, "\"")+, ".")]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}
pub(crate) use choices;

/// `Default` of types that begin as `new` makes them.
macro_rules! default_is_new {
    ($($type:ty),+) => {$(
        impl Default for $type {
            fn default() -> Self {
                Self::new()
            }
        }
    )+};
}
pub(crate) use default_is_new;
