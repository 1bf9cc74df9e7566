# Written by git dkr: one layer that takes an image to a newer commit.
FROM {{ from }}
USER root
{%- for name in ca_variables %}
ARG {{ name }}=/run/secrets/dkr_ca
{%- endfor %}

ARG DKR_REF={{ reference | quote }}
{%- for name, value in scope %}
ARG {{ name }}={{ value | quote }}
{%- endfor %}
RUN {{ clone_mounts }} \
    --mount=type=bind,source=.,target=/run/dkr/context \
    sh /run/dkr/context/update {{ commit }}
{%- if post_clone %}

# [post_clone] of .dkr.conf
WORKDIR /workspace
{{ post_clone }}
USER root
{%- endif %}
