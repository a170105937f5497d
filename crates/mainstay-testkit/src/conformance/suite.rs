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
            reading {
                comparisons,
                combinations,
                text_matching,
                orders,
                json_has_no_order_and_no_equality,
                projections,
                relations_without_a_query_per_row,
                aggregates,
                aggregates_of_every_type,
            }
            writing {
                create_fills_in,
                identity_keys_go_up,
                update_follows_the_clock,
                an_update_that_changes_nothing_finds_its_row,
                what_is_not_there_is_not_found,
                delete_returns_the_row,
                stale_versions_conflict,
                create_many_is_all_or_nothing,
                many_rows_at_once,
                increment_adds,
                upsert_by_key,
                upsert_by_unique_key,
                an_ambiguous_upsert_is_refused,
                composite_keys,
            }
            batches {
                a_batch_counts_in_order,
                what_a_batch_does_not_find_counts_nothing,
                a_batch_is_all_or_nothing,
                a_batch_validates_first,
                foreign_keys_in_a_batch,
                a_batch_inside_a_transaction,
                a_blocked_batch_meets_its_deadline,
                crossing_batches_all_go_through,
                concurrent_batches_get_their_own_answers,
            }
            bulk {
                every_type_in_bulk,
                many_rows_are_filled_in,
                one_bad_row_keeps_nothing,
                the_number_of_rows_changes_no_meaning,
                many_large_rows,
            }
            pages {
                pages_by_offset,
                keyset_pages_see_every_row_once,
                keyset_pages_stand_still_under_changes,
                foreign_cursors_are_refused,
                pages_of_projections,
            }
            streaming {
                a_large_result_in_constant_memory,
                a_stream_waits_for_its_reader,
                a_stream_dropped_early,
                a_stream_inside_a_transaction,
                a_heavy_filter_beside_reads_by_key,
            }
            transactions {
                ok_commits,
                an_error_rolls_back,
                a_panic_rolls_back,
                an_error_poisons,
                refused_input_does_not_poison,
                savepoints_heal,
                savepoints_nest,
                a_leaked_transaction_refuses,
                the_time_limit_rolls_back,
                read_only_refuses_writes,
                the_handle_inside_a_transaction,
                repositories_are_the_same_on_both,
                a_held_connection_has_no_transaction,
            }
            isolation {
                no_dirty_reads,
                repeatable_read_sees_one_snapshot,
                read_committed_moves_on,
                serializable_prevents_write_skew,
                a_deadlock_runs_again,
                a_conflict_can_be_told_instead,
            }
            concurrency {
                increments_are_never_lost,
                for_update_keeps_others_out,
                transfers_keep_the_sum,
                a_name_is_given_once,
                upserts_of_one_key_meet,
                own_writes_are_read_at_once,
            }
            coalescing {
                each_create_gets_its_own_answer,
                twins_are_told_apart,
                each_read_gets_its_own_row,
                dropped_callers_disturb_nobody,
                ones_own_writes_are_seen,
                a_locked_row_holds_up_nobody,
                closing_answers_all,
                joining_can_be_switched_off,
                a_lost_reply_is_nobodys_certainty,
            }
            cancellation {
                an_open_transaction_is_seen,
                a_dropped_find,
                a_dropped_create,
                a_dropped_update,
                a_dropped_stream,
                a_dropped_create_many,
                a_dropped_batch,
                a_dropped_transaction,
                a_dropped_savepoint,
                a_call_dropped_inside_a_transaction,
            }
            pool {
                the_minimum_is_kept_warm,
                the_maximum_is_never_exceeded,
                the_queue_is_fair,
                a_queue_timeout_names_the_holders,
                giving_up_leaves_the_queue,
                the_size_changes_while_in_use,
                closing_drains,
                closing_tells_those_who_wait,
                idle_connections_are_checked,
                killed_connections_are_replaced,
                old_connections_are_retired,
                idle_connections_beyond_the_minimum_are_closed,
                a_leak_is_to_be_seen,
                the_running_statement_is_shown,
            }
            connecting {
                a_wait_says_what_it_was_spent_on,
                an_attempt_that_takes_too_long_names_its_step,
            }
            outages {
                an_outage_opens_the_breaker,
                duplicates_never_open_the_breaker,
                reads_and_closures_survive_cut_connections,
                a_short_outage_is_not_seen,
                a_write_without_reply_is_not_repeated,
                forsaken_transactions_let_go_of_their_rows,
                a_read_only_database_stops_writes,
                a_read_only_transaction_stops_nobody,
            }
            stale {
                rows_are_given_stale_and_say_so,
                writes_forget,
                other_work_forgets_nothing,
                cascades_forget,
                transactions_forget_when_they_end,
                the_databases_own_word_counts,
                the_memory_is_bounded,
            }
            lost_replies {
                a_create_is_done_once,
                creates_of_many_callers_are_done_once,
                many_rows_are_made_once,
                a_key_of_the_callers_own_proves_nothing,
                a_transaction_in_the_ledger_is_done_once,
                a_transaction_whose_commit_is_lost_is_done_once_or_unknown,
            }
            overload {
                a_herd_is_served,
                a_full_queue_refuses_at_once,
                writers_beyond_the_bound_are_refused,
                a_leak_is_counted_and_left_alone,
                a_leaked_connection_is_taken_back,
            }
            properties {
                random_rows_come_back,
                random_filters_equal_a_model,
                random_orders_equal_a_model,
                random_pages_under_concurrent_inserts,
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// A case that is not in the list would look as if it had passed.
    #[test]
    fn every_case_is_in_the_list() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
        let list = fs::read_to_string(folder.join("suite.rs")).unwrap();
        let mut cases = 0;
        for file in fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let theme = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            let names = text.lines().filter_map(|line| {
                let rest = line.strip_prefix("pub async fn ")?;
                rest.split('(').next()
            });
            let listed = list
                .split(&format!(" {theme} {{"))
                .nth(1)
                .unwrap_or_default();
            let listed = listed.split('}').next().unwrap_or_default();
            for name in names {
                let is_listed = listed.lines().any(|line| line.trim() == format!("{name},"));
                assert!(
                    is_listed,
                    "{theme}::{name} is missing in conformance_suite!"
                );
                cases += 1;
            }
        }
        assert!(cases > 100, "only {cases} cases were found");
    }
}
