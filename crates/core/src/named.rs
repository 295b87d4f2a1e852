//! Enums whose variants have names that people type and files hold.

/// Defines an enum whose variants have stable names, with `ALL`, `as_str`, `Display` and `FromStr`.
///
/// The text in parentheses says what a variant is, for the error of `FromStr`: `invalid second factor `pigeon``.
macro_rules! named_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident ($what:literal) {
            $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+
        }
    ) => {
        $(#[$meta])*
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// Every variant, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::error::Error;

            fn from_str(text: &str) -> $crate::error::Result<Self> {
                Self::ALL.iter().copied().find(|variant| variant.as_str() == text).ok_or_else(|| {
                    let names: Vec<_> = Self::ALL.iter().map(|variant| format!("`{variant}`")).collect();
                    $crate::error::Error::new(
                        $crate::error::ErrorKind::InvalidArgument,
                        $crate::error::Stage::Configuration,
                        format!(concat!("invalid ", $what, " `{}`"), text),
                    )
                    .with_hint(format!("use one of {}", names.join(", ")))
                })
            }
        }
    };
}

pub(crate) use named_enum;
