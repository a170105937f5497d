-- A music shop, in the manner of the Chinook database.

CREATE TABLE `Artist` (
    `ArtistId` INT NOT NULL AUTO_INCREMENT,
    `Name` NVARCHAR(120),
    CONSTRAINT `PK_Artist` PRIMARY KEY (`ArtistId`)
) AUTO_INCREMENT = 1000;

CREATE TABLE `Album` (
    `AlbumId` INT NOT NULL AUTO_INCREMENT,
    `Title` NVARCHAR(160) NOT NULL,
    `ArtistId` INT NOT NULL,
    PRIMARY KEY (`AlbumId`)
);

CREATE TABLE `Employee` (
    `EmployeeId` INT UNSIGNED NOT NULL,
    `Number` INT NOT NULL AUTO_INCREMENT,
    `LastName` VARCHAR(20) CHARACTER SET latin1 NOT NULL,
    `Title` VARCHAR(30) CHECK (`Title` IN ('manager', 'agent', 'it''s staff')),
    `ReportsTo` INT UNSIGNED,
    `BirthDate` DATETIME,
    `Email` VARCHAR(60) COLLATE utf8mb4_unicode_ci UNIQUE,
    PRIMARY KEY (`EmployeeId`),
    KEY (`Number`)
) DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE `Customer` (
    `CustomerId` BIGINT NOT NULL,
    `First Name` VARCHAR(40) NOT NULL COMMENT 'as it''s \\ said; "so"',
    `Company` VARCHAR(80) DEFAULT 'none; (yet) \\ it''s',
    `State` CHAR(2),
    `Email` VARCHAR(60) NOT NULL,
    `Preferences` JSON CHECK (json_length(`Preferences`) < 10),
    `Settings` JSON NOT NULL DEFAULT ('{}'),
    `SupportRepId` INT UNSIGNED,
    PRIMARY KEY (`CustomerId`),
    CONSTRAINT `mail is mail` CHECK (locate('@', `Email`) > 1 AND `Email` <> '')
) COMMENT = 'Who buys; it''s a secret';

CREATE TABLE `Invoice` (
    `InvoiceId` INT NOT NULL AUTO_INCREMENT,
    `CustomerId` BIGINT NOT NULL,
    `InvoiceDate` DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    `Changed` TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
    `Paid` TIMESTAMP NULL,
    `Total` NUMERIC(10,2) NOT NULL DEFAULT 0.00,
    PRIMARY KEY (`InvoiceId`)
) ROW_FORMAT = DYNAMIC;

CREATE TABLE `InvoiceLine` (
    `InvoiceLineId` INT NOT NULL PRIMARY KEY,
    `InvoiceId` INT NOT NULL,
    `TrackId` INT NOT NULL,
    `UnitPrice` NUMERIC(10,2) NOT NULL,
    `Quantity` INT NOT NULL DEFAULT 1,
    `Amount` NUMERIC(12,2) GENERATED ALWAYS AS (`UnitPrice` * `Quantity`) STORED,
    `Half` NUMERIC(12,2) AS (`Amount` / 2),
    UNIQUE KEY `once` (`InvoiceId`, `TrackId`)
);

CREATE TABLE `Track` (
    `TrackId` INT NOT NULL PRIMARY KEY,
    `Name` VARCHAR(200) NOT NULL,
    `Story` TEXT,
    `AlbumId` INT,
    `Milliseconds` INT NOT NULL,
    `FirstLineId` INT,
    `Flags` BIT(3) NOT NULL DEFAULT b'101',
    UNIQUE KEY `story_start` (`Story`(20), `AlbumId`),
    KEY `track_length` (`Milliseconds` DESC, `Name`(10))
);

CREATE TABLE `Playlist` (`PlaylistId` INT PRIMARY KEY, `Name` VARCHAR(120));
CREATE TABLE `PlaylistTrack` (
    `PlaylistId` INT NOT NULL,
    `TrackId` INT NOT NULL,
    PRIMARY KEY (`PlaylistId`, `TrackId`)
);

-- With an index of its own, and with one that the server makes; with a name, and without.
ALTER TABLE `Album` ADD CONSTRAINT `FK_AlbumArtistId`
    FOREIGN KEY (`ArtistId`) REFERENCES `Artist` (`ArtistId`) ON DELETE NO ACTION ON UPDATE NO ACTION;
CREATE INDEX `IFK_AlbumArtistId` ON `Album` (`ArtistId`);
ALTER TABLE `Employee` ADD FOREIGN KEY (`ReportsTo`) REFERENCES `Employee` (`EmployeeId`);
ALTER TABLE `Customer` ADD CONSTRAINT `rep` FOREIGN KEY (`SupportRepId`)
    REFERENCES `Employee` (`EmployeeId`) ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE `Invoice` ADD FOREIGN KEY (`CustomerId`) REFERENCES `Customer` (`CustomerId`) ON DELETE CASCADE;
ALTER TABLE `InvoiceLine` ADD FOREIGN KEY (`InvoiceId`) REFERENCES `Invoice` (`InvoiceId`) ON DELETE CASCADE;
-- A circle: a track has a first line, a line has a track.
ALTER TABLE `InvoiceLine` ADD CONSTRAINT `of_track` FOREIGN KEY (`TrackId`) REFERENCES `Track` (`TrackId`);
ALTER TABLE `Track` ADD CONSTRAINT `first` FOREIGN KEY (`FirstLineId`)
    REFERENCES `InvoiceLine` (`InvoiceLineId`) ON DELETE SET NULL;
ALTER TABLE `Track` ADD FOREIGN KEY (`AlbumId`) REFERENCES `Album` (`AlbumId`) ON DELETE SET NULL;

CREATE VIEW `TracksOfArtists` AS
    SELECT ar.`Name` AS `Artist`, al.`Title`, t.`Name` AS `Track`
    FROM `Track` t JOIN `Album` al ON al.`AlbumId` = t.`AlbumId` JOIN `Artist` ar USING (`ArtistId`)
    WHERE t.`Milliseconds` > 3 OR (t.`Name` IN ('a', 'b') AND NOT al.`Title` LIKE 'x%');
-- Its name comes before that of the one it needs.
CREATE SQL SECURITY INVOKER VIEW `BusyArtists` AS
    SELECT `Artist`, count(*) AS `Tracks` FROM `TracksOfArtists` GROUP BY `Artist`;
CREATE ALGORITHM = MERGE VIEW `Agents` AS SELECT * FROM `Employee` WHERE `Title` = 'agent' WITH LOCAL CHECK OPTION;

CREATE TRIGGER `adds_up` AFTER INSERT ON `InvoiceLine` FOR EACH ROW
BEGIN
    UPDATE `Invoice` SET `Total` = `Total` + NEW.`Amount` WHERE `InvoiceId` = NEW.`InvoiceId`;
    IF NEW.`Quantity` < 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'less than nothing; really';
    END IF;
END;
CREATE TRIGGER `a_later_one` AFTER INSERT ON `InvoiceLine` FOR EACH ROW SET @lines = @lines + 1;
