-- The list of what a person is at is found by the other indexes again, more slowly.
-- mainstay: no-transaction
-- mainstay: lock-timeout 5s

DROP INDEX CONCURRENTLY "goals_user_id_status_id_idx";
