-- What a person is at, without all that they have completed over the years.
-- Rows can be written while it is built.
-- mainstay: no-transaction
-- mainstay: lock-timeout 5s

CREATE INDEX CONCURRENTLY "goals_user_id_status_id_idx" ON "goals" ("user_id", "status", "id");
