-- Locks a person before their erasure, so that no message of theirs is stored. Run erase_lock_chats first.
--
-- It looks at deleted_at nowhere: a hidden person is erased, too.
--
-- telegram_user_id  bigint  Telegram's id of the person, 1..9223372036854775807
-- returns           bigint  botcore's id, or no row where they are not stored
SELECT id
FROM users
WHERE telegram_user_id = :'telegram_user_id'
FOR UPDATE;
