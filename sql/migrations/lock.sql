-- Tries to become the only one that migrates this database, until the session ends. Reads no table: no deleted_at.
--
-- returns  boolean  whether it was free
SELECT pg_try_advisory_lock(hashtextextended('botcore.migrations', 0)) AS locked;
