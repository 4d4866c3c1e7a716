-- Locks a live person before their deletion, so that no message is stored for it meanwhile.
--
-- user_id  bigint  botcore's id of the person
-- returns  bigint  the id, or no row where there is nothing to delete
SELECT id
FROM users
WHERE id = :'user_id'
  AND deleted_at IS NULL
FOR UPDATE;
