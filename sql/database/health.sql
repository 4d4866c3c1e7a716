-- Whether the server takes writes, which one round trip tells that answers at all. Reads no table: no deleted_at.
--
-- A standby does not, nor does a server that was set aside by default_transaction_read_only.
--
-- returns  boolean  1 row
SELECT current_setting('transaction_read_only') = 'off' AS takes_writes;
