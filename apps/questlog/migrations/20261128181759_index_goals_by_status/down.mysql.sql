-- The list of what a person is at is found by the other indexes again, more slowly.
-- mainstay: lock-timeout 5s

ALTER TABLE `goals` DROP INDEX `goals_user_id_status_id_idx`, ALGORITHM=INPLACE, LOCK=NONE;
