# Written by git dkr: a full clone of one branch.
FROM {{ from }}
USER root
ENV LANG=C.UTF-8
{%- for name, value in environment %}
ENV {{ name }}={{ value | quote }}
{%- endfor %}
{%- for name in ca_variables %}
ARG {{ name }}=/run/secrets/dkr_ca
{%- endfor %}

# git, tmux, the ssh client, curl and tar where they are missing, and the packages of .dkr.conf
RUN {{ ca_mount }}--mount=type=bind,source=install-packages,target=/run/dkr/install-packages \
    sh /run/dkr/install-packages {{ packages | join(" ") }}
{%- if install_ca %}

# the extra CA certificates, for good
RUN --mount=type=bind,source=install-ca,target=/run/dkr/install-ca \
    --mount=type=bind,source=extra-ca.pem,target=/run/dkr/extra-ca.pem \
    sh /run/dkr/install-ca /run/dkr/extra-ca.pem
{%- endif %}
{%- if bazel %}

RUN echo 'build --disk_cache=/bazel-cache' >> /root/.bazelrc
{%- endif %}
{%- if pre_clone %}

# [pre_clone] of .dkr.conf
{{ pre_clone }}
{%- endif %}

# the clone; how the host is reached comes from outside, and does not stay
USER root
ENV DKR_BRANCH={{ branch | quote }}
ARG DKR_REF={{ reference | quote }}
{%- for name, value in scope %}
ARG {{ name }}={{ value | quote }}
{%- endfor %}
RUN {{ clone_mounts }} \
    --mount=type=bind,source=clone,target=/run/dkr/clone \
    --mount=type=bind,source=scope,target=/run/dkr/scope \
    --mount=type=bind,source=own,target=/run/dkr/own \
{%- if sparse %}
    --mount=type=bind,source=sparse,target=/run/dkr/sparse \
{%- endif %}
    sh /run/dkr/clone {{ commit }}{{ clone_words }}
COPY entrypoint /usr/local/bin/dkr-entrypoint
WORKDIR /workspace
ENTRYPOINT ["/usr/local/bin/dkr-entrypoint"]
{%- if post_clone %}

# [post_clone] of .dkr.conf
{{ post_clone }}
USER root
# what root made in /workspace
RUN --mount=type=bind,source=own,target=/run/dkr/own sh /run/dkr/own
{%- endif %}
