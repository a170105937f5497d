-- Users, modules, goals and progress.

CREATE TABLE "users" (
    "id" uuid NOT NULL,
    "email" varchar(254) COLLATE "C" NOT NULL,
    "name" varchar(100) COLLATE "C" NOT NULL,
    "password_hash" varchar(100) COLLATE "C",
    "total_xp" bigint NOT NULL DEFAULT 0,
    "current_level" integer NOT NULL DEFAULT 1,
    "streak_count" integer NOT NULL DEFAULT 0,
    "last_active_on" date,
    "preferences" jsonb,
    "created_at" timestamptz(6) NOT NULL,
    "updated_at" timestamptz(6) NOT NULL,
    CONSTRAINT "users_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "users_email_key" UNIQUE ("email"),
    CONSTRAINT "users_xp_not_negative_check" CHECK (total_xp >= 0),
    CONSTRAINT "users_level_positive_check" CHECK (current_level >= 1),
    CONSTRAINT "users_streak_not_negative_check" CHECK (streak_count >= 0)
);

CREATE INDEX "users_total_xp_id_idx" ON "users" ("total_xp", "id");

CREATE TABLE "modules" (
    "id" varchar(64) COLLATE "C" NOT NULL,
    "name" varchar(100) COLLATE "C" NOT NULL,
    "version" varchar(32) COLLATE "C" NOT NULL,
    "is_enabled" boolean NOT NULL DEFAULT TRUE,
    "is_installed" boolean NOT NULL DEFAULT FALSE,
    CONSTRAINT "modules_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "goals" (
    "id" uuid NOT NULL,
    "title" varchar(200) COLLATE "C" NOT NULL,
    "description" varchar(1000) COLLATE "C",
    "difficulty" text COLLATE "C" NOT NULL,
    "priority" text COLLATE "C" NOT NULL,
    "target_date" timestamptz(6),
    "status" text COLLATE "C" NOT NULL DEFAULT 'active',
    "completed_at" timestamptz(6),
    "user_id" uuid NOT NULL,
    "module_id" varchar(64) COLLATE "C" NOT NULL,
    "created_at" timestamptz(6) NOT NULL,
    "updated_at" timestamptz(6) NOT NULL,
    CONSTRAINT "goals_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "goals_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE,
    CONSTRAINT "goals_module_id_fkey" FOREIGN KEY ("module_id") REFERENCES "modules" ("id") ON DELETE RESTRICT,
    CONSTRAINT "goals_difficulty_check" CHECK ("difficulty" IN ('easy', 'medium', 'hard', 'expert')),
    CONSTRAINT "goals_priority_check" CHECK ("priority" IN ('low', 'medium', 'high', 'urgent')),
    CONSTRAINT "goals_status_check" CHECK ("status" IN ('active', 'completed', 'abandoned')),
    CONSTRAINT "goals_completed_when_check" CHECK ((status = 'completed' AND completed_at IS NOT NULL) OR (status <> 'completed' AND completed_at IS NULL))
);

CREATE INDEX "goals_user_id_id_idx" ON "goals" ("user_id", "id");

CREATE INDEX "goals_module_id_id_idx" ON "goals" ("module_id", "id");

CREATE TABLE "progress" (
    "id" uuid NOT NULL,
    "value" bigint NOT NULL,
    "max_value" bigint NOT NULL DEFAULT 100,
    "xp_earned" bigint NOT NULL DEFAULT 0,
    "notes" varchar(1000) COLLATE "C",
    "user_id" uuid NOT NULL,
    "goal_id" uuid NOT NULL,
    "created_at" timestamptz(6) NOT NULL,
    CONSTRAINT "progress_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "progress_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE,
    CONSTRAINT "progress_goal_id_fkey" FOREIGN KEY ("goal_id") REFERENCES "goals" ("id") ON DELETE CASCADE,
    CONSTRAINT "progress_value_in_range_check" CHECK (value >= 0 AND value <= max_value),
    CONSTRAINT "progress_max_positive_check" CHECK (max_value > 0),
    CONSTRAINT "progress_xp_not_negative_check" CHECK (xp_earned >= 0)
);

CREATE INDEX "progress_user_id_id_idx" ON "progress" ("user_id", "id");

CREATE INDEX "progress_goal_id_id_idx" ON "progress" ("goal_id", "id");
