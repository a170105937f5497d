-- Users, modules, goals and progress.

CREATE TABLE "users" (
    "id" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "password_hash" TEXT,
    "total_xp" INTEGER NOT NULL DEFAULT 0,
    "current_level" INTEGER NOT NULL DEFAULT 1,
    "streak_count" INTEGER NOT NULL DEFAULT 0,
    "last_active_on" TEXT,
    "preferences" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    CONSTRAINT "users_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "users_email_key" UNIQUE ("email"),
    CONSTRAINT "users_email_check" CHECK (length("email") <= 254),
    CONSTRAINT "users_name_check" CHECK (length("name") <= 100),
    CONSTRAINT "users_password_hash_check" CHECK (length("password_hash") <= 100),
    CONSTRAINT "users_current_level_check" CHECK ("current_level" BETWEEN -2147483648 AND 2147483647),
    CONSTRAINT "users_streak_count_check" CHECK ("streak_count" BETWEEN -2147483648 AND 2147483647),
    CONSTRAINT "users_preferences_check" CHECK (json_valid("preferences")),
    CONSTRAINT "users_xp_not_negative_check" CHECK (total_xp >= 0),
    CONSTRAINT "users_level_positive_check" CHECK (current_level >= 1),
    CONSTRAINT "users_streak_not_negative_check" CHECK (streak_count >= 0)
) STRICT;

CREATE INDEX "users_total_xp_id_idx" ON "users" ("total_xp", "id");

CREATE TABLE "modules" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "is_enabled" INTEGER NOT NULL DEFAULT 1,
    "is_installed" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT "modules_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "modules_id_check" CHECK (length("id") <= 64),
    CONSTRAINT "modules_name_check" CHECK (length("name") <= 100),
    CONSTRAINT "modules_version_check" CHECK (length("version") <= 32),
    CONSTRAINT "modules_is_enabled_check" CHECK ("is_enabled" IN (0, 1)),
    CONSTRAINT "modules_is_installed_check" CHECK ("is_installed" IN (0, 1))
) STRICT;

CREATE TABLE "goals" (
    "id" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "description" TEXT,
    "difficulty" TEXT NOT NULL,
    "priority" TEXT NOT NULL,
    "target_date" TEXT,
    "status" TEXT NOT NULL DEFAULT 'active',
    "completed_at" TEXT,
    "user_id" TEXT NOT NULL,
    "module_id" TEXT NOT NULL,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    CONSTRAINT "goals_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "goals_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE,
    CONSTRAINT "goals_module_id_fkey" FOREIGN KEY ("module_id") REFERENCES "modules" ("id") ON DELETE RESTRICT,
    CONSTRAINT "goals_title_check" CHECK (length("title") <= 200),
    CONSTRAINT "goals_description_check" CHECK (length("description") <= 1000),
    CONSTRAINT "goals_difficulty_check" CHECK ("difficulty" IN ('easy', 'medium', 'hard', 'expert')),
    CONSTRAINT "goals_priority_check" CHECK ("priority" IN ('low', 'medium', 'high', 'urgent')),
    CONSTRAINT "goals_status_check" CHECK ("status" IN ('active', 'completed', 'abandoned')),
    CONSTRAINT "goals_module_id_check" CHECK (length("module_id") <= 64),
    CONSTRAINT "goals_completed_when_check" CHECK ((status = 'completed' AND completed_at IS NOT NULL) OR (status <> 'completed' AND completed_at IS NULL))
) STRICT;

CREATE INDEX "goals_user_id_id_idx" ON "goals" ("user_id", "id");

CREATE INDEX "goals_module_id_id_idx" ON "goals" ("module_id", "id");

CREATE TABLE "progress" (
    "id" TEXT NOT NULL,
    "value" INTEGER NOT NULL,
    "max_value" INTEGER NOT NULL DEFAULT 100,
    "xp_earned" INTEGER NOT NULL DEFAULT 0,
    "notes" TEXT,
    "user_id" TEXT NOT NULL,
    "goal_id" TEXT NOT NULL,
    "created_at" TEXT NOT NULL,
    CONSTRAINT "progress_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "progress_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE,
    CONSTRAINT "progress_goal_id_fkey" FOREIGN KEY ("goal_id") REFERENCES "goals" ("id") ON DELETE CASCADE,
    CONSTRAINT "progress_notes_check" CHECK (length("notes") <= 1000),
    CONSTRAINT "progress_value_in_range_check" CHECK (value >= 0 AND value <= max_value),
    CONSTRAINT "progress_max_positive_check" CHECK (max_value > 0),
    CONSTRAINT "progress_xp_not_negative_check" CHECK (xp_earned >= 0)
) STRICT;

CREATE INDEX "progress_user_id_id_idx" ON "progress" ("user_id", "id");

CREATE INDEX "progress_goal_id_id_idx" ON "progress" ("goal_id", "id");
