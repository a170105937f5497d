-- What a person is at, without all that they have completed over the years.
-- Refused rather than done in a way in which writes wait.
-- mainstay: lock-timeout 5s

ALTER TABLE `goals` ADD INDEX `goals_user_id_status_id_idx` (`user_id`, `status`, `id`), ALGORITHM=INPLACE, LOCK=NONE;
