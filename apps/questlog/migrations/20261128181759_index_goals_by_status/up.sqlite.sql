-- What a person is at, without all that they have completed over the years.

CREATE INDEX "goals_user_id_status_id_idx" ON "goals" ("user_id", "status", "id");
