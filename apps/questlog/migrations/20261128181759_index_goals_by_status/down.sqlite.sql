-- The list of what a person is at is found by the other indexes again, more slowly.

DROP INDEX "goals_user_id_status_id_idx";
