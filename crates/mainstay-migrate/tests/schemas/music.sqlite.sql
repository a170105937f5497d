-- A music shop, in the manner of the Chinook database: names in brackets and in mixed case, types
-- that SQLite does not know, keys and foreign keys with and without names.

CREATE TABLE [Artist]
(
    [ArtistId] INTEGER  NOT NULL,
    [Name] NVARCHAR(120),
    CONSTRAINT [PK_Artist] PRIMARY KEY  ([ArtistId])
);

CREATE TABLE [Album]
(
    [AlbumId] INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    [Title] NVARCHAR(160)  NOT NULL COLLATE NOCASE,
    [ArtistId] INTEGER  NOT NULL,   -- whose it is
    FOREIGN KEY ([ArtistId]) REFERENCES [Artist] ([ArtistId])
		ON DELETE NO ACTION ON UPDATE NO ACTION
);

CREATE TABLE Employee (
    EmployeeId INTEGER, LastName NVARCHAR(20) NOT NULL, FirstName NVARCHAR(20) NOT NULL,
    Title NVARCHAR(30), ReportsTo INTEGER REFERENCES Employee, BirthDate DATETIME,
    HireDate DATETIME DEFAULT (date('now')), Email NVARCHAR(60) CONSTRAINT one_mail UNIQUE,
    PRIMARY KEY("EmployeeId" AUTOINCREMENT)
);

CREATE TABLE "Customer"
(
    `CustomerId` INTEGER NOT NULL PRIMARY KEY,
    `FirstName` NVARCHAR(40) NOT NULL, `LastName` NVARCHAR(20) NOT NULL,
    `Company` NVARCHAR(80) DEFAULT 'none; (yet)', `State` CHAR(2) CHECK(length(State)=2),
    `Email` NVARCHAR(60) NOT NULL,
    `SupportRepId` INTEGER REFERENCES Employee(EmployeeId) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT "mail is mail" CHECK (Email LIKE '%@%' AND ( Email NOT LIKE '% %' ))
);

CREATE TABLE [Invoice]
(
    [InvoiceId] INTEGER  NOT NULL,
    [CustomerId] INTEGER  NOT NULL,
    [InvoiceDate] DATETIME  NOT NULL DEFAULT CURRENT_TIMESTAMP,
    [Total] NUMERIC(10,2)  NOT NULL DEFAULT 0.00,
    CONSTRAINT [PK_Invoice] PRIMARY KEY  ([InvoiceId]),
    FOREIGN KEY ([CustomerId]) REFERENCES [Customer] ([CustomerId]) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE InvoiceLine (
    InvoiceLineId INTEGER NOT NULL PRIMARY KEY,
    InvoiceId INTEGER NOT NULL REFERENCES Invoice ON DELETE CASCADE,
    TrackId INTEGER NOT NULL REFERENCES Track(TrackId),
    UnitPrice NUMERIC(10, 2) NOT NULL, Quantity INTEGER NOT NULL DEFAULT +1,
    Amount NUMERIC(10,2) GENERATED ALWAYS AS (UnitPrice*Quantity) STORED,
    Cents AS (CAST(UnitPrice*100 AS INTEGER)),
    UNIQUE (InvoiceId, TrackId) ON CONFLICT REPLACE
);

CREATE TABLE Track (
    TrackId INTEGER NOT NULL PRIMARY KEY, Name NVARCHAR(200) NOT NULL,
    AlbumId INTEGER REFERENCES Album ON DELETE SET NULL, Milliseconds INTEGER NOT NULL,
    Bytes, UnitPrice NUMERIC(10,2) NOT NULL DEFAULT -1
);

CREATE TABLE Playlist (PlaylistId INTEGER PRIMARY KEY, Name TEXT UNIQUE COLLATE RTRIM) STRICT;

CREATE TABLE PlaylistTrack (
    PlaylistId INTEGER NOT NULL, TrackId INTEGER NOT NULL,
    CONSTRAINT [PK_PlaylistTrack] PRIMARY KEY (PlaylistId, TrackId DESC),
    FOREIGN KEY (PlaylistId) REFERENCES Playlist, FOREIGN KEY (TrackId) REFERENCES Track
) WITHOUT ROWID, STRICT;

CREATE INDEX [IFK_AlbumArtistId] ON [Album] ([ArtistId]);
CREATE UNIQUE INDEX [IPK_Artist] ON [Artist]([ArtistId]);
CREATE INDEX customer_names ON Customer(lower(LastName), FirstName COLLATE NOCASE DESC)
    WHERE Company IS NOT NULL;
CREATE INDEX IF NOT EXISTS track_length ON Track (Milliseconds / 1000 DESC, AlbumId ASC);

CREATE VIEW tracks_of_artists AS
SELECT ar.Name AS Artist, al.Title, t.Name AS Track
  FROM Track t JOIN Album al USING (AlbumId) JOIN Artist ar USING (ArtistId);
CREATE VIEW busy_artists(Artist, Tracks) AS SELECT Artist, count(*) FROM tracks_of_artists GROUP BY 1;

CREATE TRIGGER line_adds_up AFTER INSERT ON InvoiceLine
BEGIN
    UPDATE Invoice SET Total = Total + NEW.Amount WHERE InvoiceId = NEW.InvoiceId;
    SELECT CASE WHEN NEW.Quantity < 0 THEN RAISE(ABORT, 'less than nothing; really') END;
END;
CREATE TRIGGER artists_by_view INSTEAD OF INSERT ON tracks_of_artists
BEGIN
    INSERT INTO Artist (Name) VALUES (NEW.Artist);
END;
