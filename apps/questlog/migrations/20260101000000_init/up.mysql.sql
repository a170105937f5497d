-- Users, modules, goals and progress.

CREATE TABLE `users` (
    `id` BINARY(16) NOT NULL,
    `email` VARCHAR(254) COLLATE utf8mb4_nopad_bin NOT NULL,
    `name` VARCHAR(100) COLLATE utf8mb4_nopad_bin NOT NULL,
    `password_hash` VARCHAR(100) COLLATE utf8mb4_nopad_bin,
    `total_xp` BIGINT NOT NULL DEFAULT 0,
    `current_level` INT NOT NULL DEFAULT 1,
    `streak_count` INT NOT NULL DEFAULT 0,
    `last_active_on` DATE,
    `preferences` JSON,
    `created_at` DATETIME(6) NOT NULL,
    `updated_at` DATETIME(6) NOT NULL,
    CONSTRAINT `users_pkey` PRIMARY KEY (`id`),
    CONSTRAINT `users_email_key` UNIQUE (`email`),
    CONSTRAINT `users_xp_not_negative_check` CHECK (total_xp >= 0),
    CONSTRAINT `users_level_positive_check` CHECK (current_level >= 1),
    CONSTRAINT `users_streak_not_negative_check` CHECK (streak_count >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE INDEX `users_total_xp_id_idx` ON `users` (`total_xp`, `id`);

CREATE TABLE `modules` (
    `id` VARCHAR(64) COLLATE utf8mb4_nopad_bin NOT NULL,
    `name` VARCHAR(100) COLLATE utf8mb4_nopad_bin NOT NULL,
    `version` VARCHAR(32) COLLATE utf8mb4_nopad_bin NOT NULL,
    `is_enabled` TINYINT(1) NOT NULL DEFAULT 1,
    `is_installed` TINYINT(1) NOT NULL DEFAULT 0,
    CONSTRAINT `modules_pkey` PRIMARY KEY (`id`),
    CONSTRAINT `modules_is_enabled_check` CHECK (`is_enabled` IN (0, 1)),
    CONSTRAINT `modules_is_installed_check` CHECK (`is_installed` IN (0, 1))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE `goals` (
    `id` BINARY(16) NOT NULL,
    `title` VARCHAR(200) COLLATE utf8mb4_nopad_bin NOT NULL,
    `description` VARCHAR(1000) COLLATE utf8mb4_nopad_bin,
    `difficulty` VARCHAR(6) COLLATE utf8mb4_nopad_bin NOT NULL,
    `priority` VARCHAR(6) COLLATE utf8mb4_nopad_bin NOT NULL,
    `target_date` DATETIME(6),
    `status` VARCHAR(9) COLLATE utf8mb4_nopad_bin NOT NULL DEFAULT 'active',
    `completed_at` DATETIME(6),
    `user_id` BINARY(16) NOT NULL,
    `module_id` VARCHAR(64) COLLATE utf8mb4_nopad_bin NOT NULL,
    `created_at` DATETIME(6) NOT NULL,
    `updated_at` DATETIME(6) NOT NULL,
    CONSTRAINT `goals_pkey` PRIMARY KEY (`id`),
    CONSTRAINT `goals_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
    CONSTRAINT `goals_module_id_fkey` FOREIGN KEY (`module_id`) REFERENCES `modules` (`id`) ON DELETE RESTRICT,
    CONSTRAINT `goals_difficulty_check` CHECK (`difficulty` IN ('easy', 'medium', 'hard', 'expert')),
    CONSTRAINT `goals_priority_check` CHECK (`priority` IN ('low', 'medium', 'high', 'urgent')),
    CONSTRAINT `goals_status_check` CHECK (`status` IN ('active', 'completed', 'abandoned')),
    CONSTRAINT `goals_completed_when_check` CHECK ((status = 'completed' AND completed_at IS NOT NULL) OR (status <> 'completed' AND completed_at IS NULL))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE INDEX `goals_user_id_id_idx` ON `goals` (`user_id`, `id`);

CREATE INDEX `goals_module_id_id_idx` ON `goals` (`module_id`, `id`);

CREATE TABLE `progress` (
    `id` BINARY(16) NOT NULL,
    `value` BIGINT NOT NULL,
    `max_value` BIGINT NOT NULL DEFAULT 100,
    `xp_earned` BIGINT NOT NULL DEFAULT 0,
    `notes` VARCHAR(1000) COLLATE utf8mb4_nopad_bin,
    `user_id` BINARY(16) NOT NULL,
    `goal_id` BINARY(16) NOT NULL,
    `created_at` DATETIME(6) NOT NULL,
    CONSTRAINT `progress_pkey` PRIMARY KEY (`id`),
    CONSTRAINT `progress_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
    CONSTRAINT `progress_goal_id_fkey` FOREIGN KEY (`goal_id`) REFERENCES `goals` (`id`) ON DELETE CASCADE,
    CONSTRAINT `progress_value_in_range_check` CHECK (value >= 0 AND value <= max_value),
    CONSTRAINT `progress_max_positive_check` CHECK (max_value > 0),
    CONSTRAINT `progress_xp_not_negative_check` CHECK (xp_earned >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE INDEX `progress_user_id_id_idx` ON `progress` (`user_id`, `id`);

CREATE INDEX `progress_goal_id_id_idx` ON `progress` (`goal_id`, `id`);
