-- Locks a deleted person before its restoration.
--
-- user_id  bigint  botcore's id of the person
-- returns  bigint  the id, or no row where there is nothing to restore
SELECT id
FROM users
WHERE id = :'user_id'
  AND deleted_at IS NOT NULL
FOR UPDATE;
