CREATE TABLE `owners` (
    `id` BIGINT NOT NULL AUTO_INCREMENT,
    `name` VARCHAR(100) COLLATE utf8mb4_nopad_bin NOT NULL DEFAULT 'it''s a \\',
    CONSTRAINT `owners_pkey` PRIMARY KEY (`id`),
    CONSTRAINT `owners_name_key` UNIQUE (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
CREATE TABLE `goals` (
    `id` BINARY(16) NOT NULL,
    `owner_id` BIGINT NOT NULL,
    `parent_id` BINARY(16),
    `title` VARCHAR(120) COLLATE utf8mb4_nopad_bin NOT NULL,
    `notes` LONGTEXT COLLATE utf8mb4_nopad_bin,
    `story` LONGTEXT COLLATE utf8mb4_nopad_bin,
    `status` VARCHAR(11) COLLATE utf8mb4_nopad_bin NOT NULL DEFAULT 'open',
    `active` TINYINT(1) NOT NULL DEFAULT 1,
    `weight` INT NOT NULL DEFAULT -1,
    `total` BIGINT NOT NULL DEFAULT 0,
    `ratio` DOUBLE NOT NULL DEFAULT 0.5,
    `price` DECIMAL(10,2) NOT NULL DEFAULT 1.5,
    `amount` DECIMAL(20,4),
    `picture` LONGBLOB,
    `settings` JSON NOT NULL DEFAULT ('{}'),
    `day` DATE NOT NULL,
    `created_at` DATETIME(6) NOT NULL,
    CONSTRAINT `goals_pkey` PRIMARY KEY (`id`),
    CONSTRAINT `goals_owner_id_title_key` UNIQUE (`owner_id`, `title`),
    CONSTRAINT `goals_owner_id_fkey` FOREIGN KEY (`owner_id`) REFERENCES `owners` (`id`) ON DELETE CASCADE,
    CONSTRAINT `goals_parent_id_fkey` FOREIGN KEY (`parent_id`) REFERENCES `goals` (`id`) ON DELETE SET NULL,
    CONSTRAINT `goals_story_check` CHECK (char_length(`story`) <= 9000),
    CONSTRAINT `goals_status_check` CHECK (`status` IN ('open', 'in_progress', 'done')),
    CONSTRAINT `goals_active_check` CHECK (`active` IN (0, 1)),
    CONSTRAINT `goals_span_check` CHECK (weight <= 100 OR total > 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
CREATE INDEX `goals_status_day_idx` ON `goals` (`status`, `day`);
