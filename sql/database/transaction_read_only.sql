-- Has the server refuse what would change something, to the end of the transaction. Reads no table: no deleted_at.
--
-- A setting of the session would stay behind a pooler with whoever comes next.
--
-- returns  text  1 row: on
SELECT set_config('transaction_read_only', 'on', TRUE) AS read_only;
