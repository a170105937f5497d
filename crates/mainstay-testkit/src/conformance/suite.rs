//! The list of cases, and how one is run.

use std::time::Duration;

use super::entities;
use crate::{Engine, Fixture, FixtureOptions};

/// Makes a test of every case for one engine: `Sqlite`, `Postgres` or `MariaDb`.
#[macro_export]
macro_rules! conformance_suite {
    ($engine:ident) => {
        $crate::conformance_tests! { $engine,
            types {
                nulls_and_plain_values_come_back,
                numbers_at_their_limits,
                decimals_keep_every_digit,
                text_comes_back_unchanged,
                text_is_compared_exactly,
                bytes_come_back_unchanged,
                instants_and_dates_at_their_limits,
                nanoseconds_are_cut_off,
                json_comes_back_unchanged,
                enums_are_words,
                what_no_engine_may_hold_is_refused,
                parameters_no_engine_may_hold_are_refused,
                hand_written_sql_reads_what_it_is_given,
            }
            constraints {
                unique_over_one_column,
                unique_over_two_columns,
                primary_keys,
                foreign_keys_on_write,
                foreign_keys_inside_a_transaction,
                restrict_keeps_the_parent,
                cascades_reach_grandchildren,
                set_null_lets_go,
                checks,
                the_database_itself_refuses,
                problems_of_an_input_come_together,
            }
            errors {
                wrong_sql,
                wrong_number_of_parameters,
                errors_hold_no_values,
                a_closed_handle_refuses,
                a_slow_statement_meets_its_deadline,
                what_cannot_be_opened,
                an_untrusted_certificate,
                the_connection_is_encrypted,
            }
        }
    };
}

/// The part of [`conformance_suite!`] that writes the tests.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($engine:ident, $($theme:ident { $($case:ident,)* })*) => {
        $(mod $theme {
            $(#[test]
            fn $case() {
                $crate::conformance::run(
                    $crate::Engine::$engine,
                    async |fixture: &$crate::Fixture| {
                        $crate::conformance::$theme::$case(fixture).await;
                    },
                );
            })*
        })*
    };
}

/// Runs a case on a database of its own; does nothing when the engine cannot be had.
///
/// # Panics
/// When the case fails.
pub fn run(engine: Engine, case: impl AsyncFnOnce(&Fixture)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let options = FixtureOptions::default()
        .set("pool.max", "4")
        // A case that waits for something that never comes should say so, not be killed.
        .set("timeouts.acquire", "20s");
    let fixture = runtime.block_on(Fixture::create(engine, entities::schema(), options));
    // Outside the runtime's block, so that a panic ends the tasks before the database goes.
    if let Some(fixture) = fixture {
        runtime.block_on(case(&fixture));
        runtime.shutdown_timeout(Duration::from_secs(10));
    }
}
