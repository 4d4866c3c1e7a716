-- One round trip to the server. Reads no table, so there is no deleted_at to mind.
--
-- returns  integer  1 row: 1
SELECT 1 AS answer;
