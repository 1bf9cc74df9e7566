# Written by git dkr: one layer that takes an image to another commit.
ARG PARENT={{ from | quote }}
FROM ${PARENT}
USER root
{%- for name in ca_variables %}
ARG {{ name }}=/run/secrets/dkr_ca
{%- endfor %}

{% if becomes_clone %}ENV DKR_BRANCH={{ branch | quote }}
{% endif %}ARG DKR_REF={{ reference | quote }}
{%- for name, value in scope %}
ARG {{ name }}={{ value | quote }}
{%- endfor %}
RUN {{ clone_mounts }} \
    --mount=type=bind,source=.,target=/run/dkr/context \
    sh /run/dkr/context/update {{ commit }}{% if becomes_clone %} clone{% endif %}
{%- if post_clone %}

# [post_clone] of .dkr.conf
WORKDIR /workspace
{{ post_clone }}
USER root
# what root made in /workspace
RUN --mount=type=bind,source=own,target=/run/dkr/own sh /run/dkr/own
{%- endif %}
