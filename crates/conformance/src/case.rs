//! Suites as lists of named cases.

/// A case of a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The suite.
    pub suite: &'static str,
    /// The name, which says what must hold.
    pub name: &'static str,
    /// The item of the domain whose docs promise it, and their words.
    pub contract: &'static str,
}

impl Case {
    /// Says which promise is broken if the case panics before the guard is dropped.
    pub(crate) fn guard(self) -> Guard {
        Guard(self)
    }
}

pub(crate) struct Guard(Case);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Case { suite, name, contract } = self.0;
            eprintln!("the case `{suite}::{name}` failed: {}; the contract: {contract}", name.replace('_', " "));
        }
    }
}

/// Declares a suite: `CASES`, `run`, `suite`, and a macro with the suite's name that makes a test of each case.
///
/// `arguments` are those of each case, created from the parameters of the suite. Each group of cases is a module, which
/// is `self` for the suite's own, and under the sentence of the docs that it tests: an item, then the words as they stand
/// there. The first token must be `$`: the declared macro needs it.
macro_rules! suite {
    (
        $d:tt $suite:ident $(<$generic:ident: $bound:ident>)? ($($parameter:ident: $type:ty),+) $arguments:tt
        $($group:ident of $contract:literal { $($case:ident),+ $(,)? })+
    ) => {
        /// The cases, in the order in which [`suite()`] runs them.
        pub const CASES: &[$crate::Case] = &[
            $($($crate::Case {
                suite: stringify!($suite),
                name: stringify!($case),
                contract: $contract,
            },)+)+
        ];

        /// Runs the case of this name.
        ///
        /// # Panics
        /// If the port breaks its contract, or there is no such case.
        pub async fn run $(<$generic: $bound>)? (case: &str, $($parameter: $type),+) {
            let known = CASES.iter().find(|known| known.name == case);
            assert!(known.is_some(), "the suite has no case `{case}`");
            let _guard = known.copied().map($crate::Case::guard);
            match case {
                $($(stringify!($case) => $group::$case $arguments.await,)+)+
                _ => {}
            }
        }

        /// Runs every case.
        ///
        /// # Panics
        /// If the port breaks its contract.
        pub async fn suite $(<$generic: $bound>)? ($($parameter: $type),+) {
            for known in CASES {
                run(known.name, $($parameter),+).await;
            }
        }

        #[doc = concat!("Makes a test of each case of the suite `", stringify!($suite), "`, in a module of this name.")]
        ///
        /// The front page has an example.
        #[macro_export]
        macro_rules! $suite {
            ($d(#[$d attribute:meta])+ $d fixture:pat = $d setup:expr => $d($d argument:expr),+ $d(,)?) => {
                mod $suite {
                    use super::*;

                    $($(
                        $d(#[$d attribute])+
                        async fn $case() {
                            let $d fixture = $d setup;
                            $crate::$suite::run(stringify!($case), $d($d argument),+).await;
                        }
                    )+)+
                }
            };
        }
    };
}

/// Declares the suite of a persistence port as [`suite!`] does, with the `ports` that its cases use, as `Ports`.
macro_rules! persistence_suite {
    ($d:tt $suite:ident uses $($port:ident),+; $($cases:tt)+) => {
        /// The ports that the suite uses.
        ///
        /// [`Repositories`](clouddrive_domain::port::Repositories) has them all.
        pub trait Ports: Send + Sync $(+ AsRef<dyn clouddrive_domain::port::$port>)+ {}

        impl<P: Send + Sync $(+ AsRef<dyn clouddrive_domain::port::$port>)+> Ports for P {}

        type Fixture<'a> = $crate::fixture::Fixture<'a, dyn Ports + 'a>;

        $crate::case::suite! {
            $d $suite(ports: &dyn Ports) (&Fixture::new(ports))
            $($cases)+
        }
    };
}

pub(crate) use {persistence_suite, suite};
