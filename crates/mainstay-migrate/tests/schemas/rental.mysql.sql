-- A film rental, in the manner of the Sakila database: ENUM and SET, YEAR, a geometry, full-text
-- search, unsigned numbers, functions and procedures, an event, a partitioned table.

CREATE TABLE language (
  language_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT,
  name CHAR(20) NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (language_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

CREATE TABLE film (
  film_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  title VARCHAR(128) NOT NULL,
  description TEXT DEFAULT NULL,
  release_year YEAR DEFAULT NULL,
  language_id TINYINT UNSIGNED NOT NULL,
  original_language_id TINYINT UNSIGNED DEFAULT NULL,
  rental_rate DECIMAL(4,2) UNSIGNED NOT NULL DEFAULT 4.99,
  length SMALLINT(5) UNSIGNED ZEROFILL DEFAULT NULL,
  rating ENUM('G','PG','PG-13','R','NC-17') DEFAULT 'G',
  special_features SET('Trailers','Commentaries','Deleted Scenes','it''s') DEFAULT NULL,
  location GEOMETRY NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (film_id),
  KEY idx_title (title),
  KEY idx_fk_language_id (language_id),
  KEY idx_fk_original_language_id (original_language_id),
  SPATIAL KEY idx_location (location),
  FULLTEXT KEY idx_title_description (title, description),
  CONSTRAINT fk_film_language FOREIGN KEY (language_id) REFERENCES language (language_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT fk_film_language_original FOREIGN KEY (original_language_id) REFERENCES language (language_id) ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE store (
  store_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT,
  manager_staff_id TINYINT UNSIGNED NOT NULL,
  PRIMARY KEY (store_id),
  UNIQUE KEY idx_unique_manager (manager_staff_id)
);
CREATE TABLE staff (
  staff_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  picture BLOB DEFAULT NULL,
  store_id TINYINT UNSIGNED NOT NULL,
  active BOOLEAN NOT NULL DEFAULT TRUE,
  username VARCHAR(16) NOT NULL,
  password VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  secret VARBINARY(16) INVISIBLE,
  uuid CHAR(36) NOT NULL DEFAULT (uuid()),
  sum INT DEFAULT (1 + 2 * 3),
  CONSTRAINT fk_staff_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON UPDATE CASCADE
);
-- A circle: a store has a manager, who works at a store.
ALTER TABLE store ADD CONSTRAINT fk_store_staff FOREIGN KEY (manager_staff_id) REFERENCES staff (staff_id);

CREATE TABLE inventory (
  inventory_id MEDIUMINT UNSIGNED NOT NULL AUTO_INCREMENT,
  film_id SMALLINT UNSIGNED NOT NULL,
  store_id TINYINT UNSIGNED NOT NULL,
  PRIMARY KEY (inventory_id),
  KEY idx_store_id_film_id (store_id, film_id),
  CONSTRAINT fk_inventory_store FOREIGN KEY (store_id) REFERENCES store (store_id),
  CONSTRAINT fk_inventory_film FOREIGN KEY (film_id) REFERENCES film (film_id)
);
CREATE TABLE rental (
  rental_id BIGINT NOT NULL AUTO_INCREMENT,
  rental_date DATETIME(6) NOT NULL,
  return_date DATETIME(6),
  inventory_id MEDIUMINT UNSIGNED NOT NULL,
  is_open BOOLEAN AS (return_date IS NULL) VIRTUAL,
  days INT GENERATED ALWAYS AS (to_days(return_date) - to_days(rental_date)) STORED,
  PRIMARY KEY (rental_id),
  UNIQUE KEY (rental_date, inventory_id),
  CONSTRAINT returned_later CHECK (return_date > rental_date),
  CHECK (inventory_id > 0),
  FOREIGN KEY (inventory_id) REFERENCES inventory (inventory_id) ON DELETE CASCADE
);
CREATE TABLE payment (
  payment_id INT NOT NULL,
  amount DECIMAL(5,2) NOT NULL,
  payment_date DATE NOT NULL,
  PRIMARY KEY (payment_date, payment_id)
) PARTITION BY RANGE COLUMNS (payment_date)
(PARTITION p2026 VALUES LESS THAN ('2027-01-01') COMMENT = 'this year',
 PARTITION later VALUES LESS THAN MAXVALUE);

-- Of MariaDB alone.
CREATE SEQUENCE tickets START WITH 100 INCREMENT BY 10;
CREATE TABLE ticket (
  id BIGINT NOT NULL DEFAULT (NEXT VALUE FOR tickets) PRIMARY KEY,
  note VARCHAR(100),
  seen INT WITHOUT SYSTEM VERSIONING
) WITH SYSTEM VERSIONING;

CREATE FUNCTION pounds(amount DECIMAL(5,2)) RETURNS VARCHAR(20) DETERMINISTIC NO SQL
    RETURN concat('GBP ', amount);
CREATE PROCEDURE film_count(IN p_rating VARCHAR(10), OUT p_count INT)
READS SQL DATA
BEGIN
    DECLARE nothing INT DEFAULT 0;
    SELECT count(*) INTO p_count FROM film WHERE rating = p_rating;
    IF p_count = nothing THEN SET p_count = -1; END IF;
END;
CREATE EVENT forget ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE
    DO DELETE FROM payment WHERE payment_date < '2000-01-01';

CREATE VIEW film_list AS
SELECT f.film_id AS FID, f.title, l.name AS language, group_concat(f.special_features SEPARATOR ', ') AS features,
    CASE f.rating WHEN 'G' THEN 'all' ELSE 'some' END AS who
FROM film f LEFT JOIN language l ON l.language_id = f.language_id
GROUP BY f.film_id, f.title, l.name, f.rating;
CREATE VIEW a_list AS SELECT FID, concat(title, ' ', pounds(1)) AS title FROM film_list WHERE who = 'all';
CREATE TRIGGER rental_date BEFORE INSERT ON rental FOR EACH ROW SET NEW.rental_date = now(6);
