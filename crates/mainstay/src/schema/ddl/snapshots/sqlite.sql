CREATE TABLE "owners" (
    "id" INTEGER NOT NULL CONSTRAINT "owners_pkey" PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL DEFAULT 'it''s a \',
    CONSTRAINT "owners_name_key" UNIQUE ("name"),
    CONSTRAINT "owners_name_check" CHECK (length("name") <= 100)
) STRICT;
CREATE TABLE "goals" (
    "id" TEXT NOT NULL,
    "owner_id" INTEGER NOT NULL,
    "parent_id" TEXT,
    "title" TEXT NOT NULL,
    "notes" TEXT,
    "story" TEXT,
    "status" TEXT NOT NULL DEFAULT 'open',
    "active" INTEGER NOT NULL DEFAULT 1,
    "weight" INTEGER NOT NULL DEFAULT -1,
    "total" INTEGER NOT NULL DEFAULT 0,
    "ratio" REAL NOT NULL DEFAULT 0.5,
    "price" INTEGER NOT NULL DEFAULT 150,
    "amount" TEXT,
    "picture" BLOB,
    "settings" TEXT NOT NULL DEFAULT '{}',
    "day" TEXT NOT NULL,
    "created_at" TEXT NOT NULL,
    CONSTRAINT "goals_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "goals_owner_id_title_key" UNIQUE ("owner_id", "title"),
    CONSTRAINT "goals_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "owners" ("id") ON DELETE CASCADE,
    CONSTRAINT "goals_parent_id_fkey" FOREIGN KEY ("parent_id") REFERENCES "goals" ("id") ON DELETE SET NULL,
    CONSTRAINT "goals_title_check" CHECK (length("title") <= 120),
    CONSTRAINT "goals_story_check" CHECK (length("story") <= 9000),
    CONSTRAINT "goals_status_check" CHECK ("status" IN ('open', 'in_progress', 'done')),
    CONSTRAINT "goals_active_check" CHECK ("active" IN (0, 1)),
    CONSTRAINT "goals_weight_check" CHECK ("weight" BETWEEN -2147483648 AND 2147483647),
    CONSTRAINT "goals_price_check" CHECK ("price" BETWEEN -9999999999 AND 9999999999),
    CONSTRAINT "goals_settings_check" CHECK (json_valid("settings")),
    CONSTRAINT "goals_span_check" CHECK (weight <= 100 OR total > 0)
) STRICT;
CREATE INDEX "goals_status_day_idx" ON "goals" ("status", "day");
