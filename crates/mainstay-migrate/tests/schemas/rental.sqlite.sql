-- A film rental, in the manner of the Sakila database as it was brought to SQLite: types with
-- spaces, checks for enumerations, full-text search, triggers that set a date.

CREATE TABLE language (
  language_id SMALLINT NOT NULL ,
  name CHAR(20) NOT NULL,
  last_update TIMESTAMP NOT NULL,
  PRIMARY KEY  (language_id)
)
;
CREATE TABLE film (
  film_id int NOT NULL,
  title VARCHAR(255) NOT NULL,
  description BLOB SUB_TYPE TEXT DEFAULT NULL,
  release_year VARCHAR(4) DEFAULT NULL CHECK (release_year IS NULL OR release_year BETWEEN '1901' AND '2155'),
  language_id SMALLINT NOT NULL,
  original_language_id SMALLINT DEFAULT NULL,
  rental_rate DECIMAL(4,2) DEFAULT 4.99 NOT NULL,
  rating VARCHAR(10) DEFAULT 'G',
  special_features VARCHAR(100) DEFAULT NULL,
  last_update TIMESTAMP NOT NULL,
  PRIMARY KEY  (film_id),
  CONSTRAINT CHECK_special_features CHECK(special_features is null or
                                                           special_features like '%Trailers%' or
                                                           special_features like '%Commentaries%'),
  CONSTRAINT CHECK_special_rating CHECK(rating in ('G','PG','PG-13','R','NC-17')),
  CONSTRAINT fk_film_language FOREIGN KEY (language_id) REFERENCES language (language_id) ON DELETE NO ACTION ON UPDATE CASCADE,
  CONSTRAINT fk_film_language_original FOREIGN KEY (original_language_id) REFERENCES language (language_id) ON UPDATE CASCADE
)
;
CREATE  INDEX idx_fk_language_id ON film(language_id)
;
CREATE VIRTUAL TABLE film_text USING fts5(title, description, content='film', content_rowid='film_id');

CREATE TRIGGER film_trigger_ai AFTER INSERT ON film
 BEGIN
  UPDATE film SET last_update = DATETIME('NOW')  WHERE rowid = new.rowid;
 END
;
CREATE TABLE store (
  store_id INT NOT NULL PRIMARY KEY,
  manager_staff_id SMALLINT NOT NULL REFERENCES staff (staff_id)
);
-- A circle: a store has a manager, who works at a store.
CREATE TABLE staff (
  staff_id SMALLINT NOT NULL PRIMARY KEY,
  store_id INT NOT NULL REFERENCES store ON UPDATE CASCADE,
  active SMALLINT DEFAULT 1 NOT NULL,
  picture BLOB DEFAULT x'00ff',
  username VARCHAR(16) NOT NULL
);
CREATE TABLE inventory (
  inventory_id INT NOT NULL, film_id INT NOT NULL, store_id INT NOT NULL,
  PRIMARY KEY (inventory_id),
  UNIQUE (store_id, inventory_id),
  FOREIGN KEY (film_id) REFERENCES film, FOREIGN KEY (store_id) REFERENCES store (store_id)
);
CREATE TABLE rental (
  rental_id INTEGER PRIMARY KEY AUTOINCREMENT,
  rented TEXT NOT NULL DEFAULT (datetime('now')), returned TEXT,
  inventory_id INT NOT NULL, store_id INT NOT NULL,
  open GENERATED ALWAYS AS (returned IS NULL) VIRTUAL,
  CHECK (returned > rented),
  FOREIGN KEY (store_id, inventory_id) REFERENCES inventory (store_id, inventory_id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX rented_once ON rental (inventory_id) WHERE returned IS NULL;

CREATE VIEW film_list AS
SELECT f.film_id AS FID, f.title, l.name AS language /* ; not the end */
FROM film AS f JOIN language AS l ON l.language_id = f.language_id;
CREATE VIEW a_list AS SELECT * FROM film_list;
