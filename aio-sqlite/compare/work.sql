-- The SQL of the comparison. `work.rs` and `aiosqlite/main.py` take each
-- statement by the name after its `--:`, so that nobody measures another.

--: points
CREATE TABLE points(id INTEGER PRIMARY KEY, body TEXT);

--: fill points
WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < ?1)
INSERT INTO points SELECT n, 'the message of number ' || n FROM c;

--: wide
CREATE TABLE wide(id INTEGER PRIMARY KEY, sender TEXT, body TEXT, at INTEGER);

--: fill wide
WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < ?1)
INSERT INTO wide SELECT n, 'sender ' || (n % 1000), 'I need your help, for the time number ' || n, n * 3 FROM c;

--: select
SELECT id, body FROM points WHERE id = ?1

--: insert
INSERT INTO wide(sender, body, at) VALUES (?1, ?2, ?3)

--: stream
SELECT id, sender, body, at FROM wide WHERE id <= ?1

--: stream ten times
WITH ten(n) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))
SELECT id, sender, body, at FROM ten CROSS JOIN wide WHERE n < ?1

--: compute
WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < ?1)
SELECT sum(n * 7 % 13) FROM c

--: version
SELECT sqlite_version()

--: journal
PRAGMA journal_mode

--: synchronous
SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous

--: stored
SELECT CAST(count(*) + ifnull(sum(at + length(sender) + length(body)), 0) AS TEXT) FROM wide
