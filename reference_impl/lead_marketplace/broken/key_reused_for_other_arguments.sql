-- title:     A used request key swallows a grant to somebody else
-- class:     key_reused_for_other_arguments
-- operation: add_workspace_credits
-- hurts:     the workspace whose grant is answered with another one's balance and never given
-- caught-by: contract grant_given_once
-- changes:   functions/add_workspace_credits.sql

-- @instead of
        where granted.request_key = p_request_key;

        if (v_grant.workspace_id, v_grant.amount, v_grant.reason) <> (p_workspace_id, p_amount, p_reason) then
            raise exception 'Request key was used with other arguments: %', p_request_key;
        end if;
-- @write
        where granted.request_key = p_request_key;
