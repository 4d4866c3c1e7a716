-- The transactions, but for this one, that write messages now, and so may not know yet who is refused.
--
-- It looks at deleted_at nowhere: it reads no rows. New ones see what erase_refuse committed.
--
-- writers  text  only those of these that still run, with commas between; '' for all
-- returns  text  0.. rows: virtual transactions, as pg_locks has them
SELECT virtualtransaction
FROM pg_locks
WHERE relation = 'messages'::regclass
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND mode = 'RowExclusiveLock'
  AND pid <> pg_backend_pid()
  AND (:'writers' = '' OR virtualtransaction = ANY(string_to_array(:'writers', ',')));
