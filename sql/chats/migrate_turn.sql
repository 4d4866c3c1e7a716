-- Waits until no other transaction tells the same migration, and keeps others waiting until this one ends.
--
-- Apart from migrate_lock, which has to see what the other one did. It looks at no row, hence at no deleted_at.
--
-- bot_id            bigint   Telegram's id of the bot
-- telegram_chat_id  bigint   Telegram's id of the group
-- returns           boolean  TRUE, 1 row
SELECT
    pg_advisory_xact_lock(
        hashtextextended(concat_ws(' ', 'chats/migrate', :'bot_id'::bigint, :'telegram_chat_id'::bigint), 0)
    ) IS NOT NULL AS has_turn;
